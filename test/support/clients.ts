import type { ChildProcess } from 'node:child_process'
import { Client as ModernClient } from '@modelcontextprotocol/client'
import { StdioClientTransport as ModernTransport } from '@modelcontextprotocol/client/stdio'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js'

// Real clients of both protocol eras over the stdio transports that they ship with.

export const ERAS = ['2026-07-28', '2025-11-25'] as const
export type Era = (typeof ERAS)[number]

/** What a client spawns. */
export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
}

export interface ToolAnswer {
  readonly isError?: boolean
  readonly content: readonly { readonly type: string; readonly text?: string }[]
  readonly structuredContent?: unknown
}

export interface CallOptions {
  readonly signal?: AbortSignal
  readonly onprogress?: (progress: {
    readonly progress: number
    readonly message?: string | undefined
  }) => void
}

/** What a client's user says to a form, or the client by itself. */
export type Elicit = (params: { readonly message: string; readonly requestedSchema?: unknown }) => {
  readonly action: 'accept' | 'decline' | 'cancel'
  readonly content?: { readonly approve: boolean }
}

export interface Connection {
  /** The server's process, as the transport spawned it. */
  readonly process: ChildProcess
  /** The protocol revision that client and server agreed on. */
  readonly protocolVersion: string | undefined
  readonly serverName: string | undefined
  listTools(): Promise<readonly string[]>
  callTool(name: string, args: object, options?: CallOptions): Promise<ToolAnswer>
  /** Ends the process as a host does: stdin closed, then signals. */
  close(): Promise<void>
}

/** Connects a real client of that era to a process that it spawns. `onProcess` sees it before it says anything. */
export function connectClient(
  era: Era,
  command: Command,
  onProcess: (process: ChildProcess) => void,
  elicit?: Elicit,
): Promise<Connection> {
  const connect = era === '2026-07-28' ? connectModern : connectLegacy
  return connect(command, onProcess, elicit)
}

const FORMS = { capabilities: { elicitation: { form: {} } } }

/** As the SDKs type it: not read-only. */
const copyOf = ({ action, content }: ReturnType<Elicit>) => ({
  action,
  ...(content && { content: { ...content } }),
})

const ME = { name: 'bursar-test', version: '1' }

async function connectModern(
  { command, args, env, cwd }: Command,
  onProcess: (process: ChildProcess) => void,
  elicit?: Elicit,
): Promise<Connection> {
  const transport = new ModernTransport({ command, args: [...args], env: { ...env }, cwd, stderr: 'pipe' })
  const child = whenSpawned(transport, onProcess)
  // Pinned: a server that knows only the older era fails here instead of being talked to in it.
  const client = new ModernClient(ME, {
    versionNegotiation: { mode: { pin: '2026-07-28' } },
    ...(elicit && FORMS),
  })
  if (elicit)
    client.setRequestHandler('elicitation/create', async ({ params }) => copyOf(elicit(params as never)))
  await client.connect(transport)
  return {
    process: await child,
    protocolVersion: client.getNegotiatedProtocolVersion(),
    serverName: client.getServerVersion()?.name,
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: (name, given, options) =>
      client.callTool({ name, arguments: { ...given } }, options) as Promise<ToolAnswer>,
    close: () => client.close(),
  }
}

async function connectLegacy(
  { command, args, env, cwd }: Command,
  onProcess: (process: ChildProcess) => void,
  elicit?: Elicit,
): Promise<Connection> {
  const transport = new LegacyTransport({ command, args: [...args], env: { ...env }, cwd, stderr: 'pipe' })
  const child = whenSpawned(transport, onProcess)
  let agreed: string | undefined
  const told = Object.assign(transport, {
    setProtocolVersion: (version: string) => {
      agreed = version
    },
  })
  const client = new LegacyClient(ME, elicit && FORMS)
  if (elicit)
    client.setRequestHandler(ElicitRequestSchema, async ({ params }) => copyOf(elicit(params as never)))
  await client.connect(told)
  return {
    process: await child,
    protocolVersion: agreed,
    serverName: client.getServerVersion()?.name,
    listTools: async () => (await client.listTools()).tools.map(({ name }) => name),
    callTool: (name, given, options) =>
      client.callTool({ name, arguments: { ...given } }, undefined, options) as Promise<ToolAnswer>,
    close: () => client.close(),
  }
}

/** Both transports keep their child to themselves; tests watch its bytes and end it as a crash would. */
function whenSpawned(
  transport: { start(): Promise<void> },
  onProcess: (process: ChildProcess) => void,
): Promise<ChildProcess> {
  const start = transport.start.bind(transport)
  return new Promise((resolve) => {
    transport.start = async () => {
      await start()
      const child = (transport as unknown as { readonly _process: ChildProcess })._process
      onProcess(child)
      resolve(child)
    }
  })
}
