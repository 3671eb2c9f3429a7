import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import type { HttpConfig } from '../../../../src/config/types.ts'
import type { PresentedError } from '../../../../src/errors/presenter.ts'
import { BearerTokens } from '../../../../src/mcp/http/bearerTokens.ts'
import { type HttpOptions, serveOverHttp } from '../../../../src/mcp/http/serveOverHttp.ts'
import { createMcpServer } from '../../../../src/mcp/server.ts'
import type { Services } from '../../../../src/mcp/services.ts'
import { mintToken } from '../../../../src/primitives/bearerToken.ts'
import type { Logger } from '../../../../src/primitives/logger.ts'
import { Journal } from '../../../../src/store/journal.ts'
import { type NewToken, TokenStore } from '../../../../src/store/tokens.ts'
import { tools } from '../../../../tools/index.ts'
import { testClock } from '../../../support/testClock.ts'
import { answering } from '../../catalogueAnswers.ts'

// The door for HTTP on a real socket and a real journal, in front of services that only answer.

export interface DoorOptions extends Partial<Pick<HttpOptions, 'atOnce' | 'keepAliveMs' | 'timeouts'>> {
  readonly http?: Partial<HttpConfig>
  readonly services?: Partial<Services>
  /** A journal of another door. */
  readonly folder?: string
  /** Is told the request of each tools/list as the protocol was handed it. */
  readonly hear?: (request: Request | undefined) => void
}

export interface Answered {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface Sending {
  readonly method?: string
  readonly path?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

export type Door = Awaited<ReturnType<typeof openDoor>>

export async function openDoor(options: DoorOptions = {}) {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'bursar-http-'))
  const clock = testClock()
  const journal = new Journal(join(folder, 'journal.db'), clock)
  const store = new TokenStore(journal)
  const log: string[] = []
  const at = (level: string) => (message: string, fields?: object) => {
    log.push(JSON.stringify({ level, message, ...fields }))
  }
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const http: HttpConfig = {
    ...{ host: '127.0.0.1', port: 0, allowedHosts: [], allowedOrigins: [], audience: 'bursar' },
    limits: { perToken: undefined, perAddress: undefined },
    ...options.http,
  }
  const services = { ...answering, ...options.services }
  const { atOnce, keepAliveMs, timeouts } = options
  const opened = await serveOverHttp({
    http,
    tokens: new BearerTokens(store, http.audience, logger),
    createServer(identity, stopping) {
      const server = createMcpServer({
        ...{ tools, services, version: '0.1.0', logger, instructions: 'pay', identity, stopping },
        resolveChain: () => undefined,
        strictOutput: true,
      })
      const { hear } = options
      if (hear)
        server.setRequestHandler('tools/list', (_request, ctx) => {
          hear(ctx.http?.req)
          return { tools: [] }
        })
      return server
    },
    logger,
    ...(atOnce && { atOnce }),
    ...(timeouts && { timeouts }),
    ...(keepAliveMs !== undefined && { keepAliveMs }),
  }).catch(async (error: unknown) => {
    await journal.close()
    rmSync(folder, { recursive: true, force: true })
    throw error
  })
  let stopping: Promise<void> | undefined
  const stop = () => {
    stopping ??= opened.stop()
    return stopping
  }
  onTestFinished(async () => {
    await stop()
    await journal.close()
    if (options.folder === undefined) rmSync(folder, { recursive: true, force: true })
  })
  let made = 0
  return {
    url: opened.url,
    folder,
    clock,
    journal,
    store,
    log,
    stop,
    /** A new token with all scopes of tools, unless told otherwise. */
    async token(more: Partial<NewToken> = {}): Promise<string> {
      const { text, id, hash } = mintToken()
      made += 1
      await store.create({
        ...{ id, hash, name: `t${made}`, principal: `p${made}`, audience: 'bursar', expires_at: null },
        scopes: 'read,prepare,spend',
        ...more,
      })
      return text
    },
    send: (sending: Sending = {}) => send(opened.url, sending),
  }
}

/** One request on a connection of its own, with exactly these headers. */
export function send(url: string, { method = 'POST', path = '/mcp', headers = {}, body = '' }: Sending) {
  const { hostname, port } = new URL(url)
  return new Promise<Answered>((resolve, reject) => {
    const length = { 'content-length': String(Buffer.byteLength(body)) }
    const asked = request(
      { hostname, port, method, path, agent: false, headers: { ...length, ...headers } },
      (answer) => {
        const parts: Buffer[] = []
        answer.on('data', (part: Buffer) => parts.push(part))
        answer.on('end', () =>
          resolve({
            status: answer.statusCode ?? 0,
            headers: answer.headers,
            body: Buffer.concat(parts).toString(),
          }),
        )
        answer.on('error', reject)
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })
}

/** A request whose body is on its way: its answer, and what sends the rest of the body. */
export function sendSlowly(url: string, headers: Readonly<Record<string, string>>, body: string) {
  const { hostname, port } = new URL(url)
  const length = { 'content-length': String(Buffer.byteLength(body)) }
  const asked = request({
    ...{ hostname, port, method: 'POST', path: '/mcp', agent: false },
    headers: { ...length, ...headers },
  })
  const answer = new Promise<number | undefined>((resolve, reject) => {
    asked.once('response', (response) => {
      response.resume()
      resolve(response.statusCode)
    })
    asked.on('error', reject)
  })
  asked.write(body.slice(0, 1))
  return { answer, sendRest: () => void asked.end(body.slice(1)), vanish: () => void asked.destroy() }
}

export const errorOf = ({ body }: Answered): PresentedError =>
  (JSON.parse(body) as { readonly error: { readonly data: PresentedError } }).error.data

/** What every client of the older era sends with a call. */
export const asClient = (token: string): Readonly<Record<string, string>> => ({
  authorization: `Bearer ${token}`,
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
})

export const LIST = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/list', params: {} })
export const callOf = (name: string, args: object = {}) =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name, arguments: args } })
