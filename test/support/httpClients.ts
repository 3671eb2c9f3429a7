import {
  Client as ModernClient,
  StreamableHTTPClientTransport as ModernTransport,
} from '@modelcontextprotocol/client'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import type { CallOptions, Connection, Era, ToolAnswer } from './clients.ts'

// Real clients of both protocol eras over real sockets.

export type HttpConnection = Omit<Connection, 'process'>

const ME = { name: 'bursar-test', version: '1' }

/** What a client can do that shows forms to its user, or fills them in by itself. */
export const FORMS = { capabilities: { elicitation: { form: {} } } }

/** Connects a client of that era to a server over HTTP; its requests carry the token. */
export function connectHttp(
  era: Era,
  url: string,
  token: string,
  able: Partial<typeof FORMS> = {},
): Promise<HttpConnection> {
  return era === '2026-07-28' ? connectModern(url, token, able) : connectLegacy(url, token, able)
}

const bearing = (token: string) => ({ requestInit: { headers: { Authorization: `Bearer ${token}` } } })

async function connectModern(
  url: string,
  token: string,
  able: Partial<typeof FORMS>,
): Promise<HttpConnection> {
  const transport = new ModernTransport(new URL(url), bearing(token))
  const client = new ModernClient(ME, { versionNegotiation: { mode: { pin: '2026-07-28' } }, ...able })
  await client.connect(transport)
  return {
    protocolVersion: client.getNegotiatedProtocolVersion(),
    serverName: client.getServerVersion()?.name,
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: (name, given, options?: CallOptions) =>
      client.callTool({ name, arguments: { ...given } }, options) as Promise<ToolAnswer>,
    close: () => client.close(),
  }
}

async function connectLegacy(
  url: string,
  token: string,
  able: Partial<typeof FORMS>,
): Promise<HttpConnection> {
  const transport = new LegacyTransport(new URL(url), bearing(token))
  const client = new LegacyClient(ME, able)
  await client.connect(transport as unknown as Parameters<LegacyClient['connect']>[0])
  return {
    protocolVersion: transport.protocolVersion,
    serverName: client.getServerVersion()?.name,
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: (name, given, options?: CallOptions) =>
      client.callTool({ name, arguments: { ...given } }, undefined, options) as Promise<ToolAnswer>,
    close: () => client.close(),
  }
}
