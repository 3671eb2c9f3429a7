import { Pool } from 'undici'
import { BursarError } from '../errors/bursarError.ts'
import { deadline } from '../primitives/abort.ts'
import type { Secret } from '../primitives/secret.ts'
import { parseAnswer, parseBatch } from './answers.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from './transport.ts'

export interface HttpTransportOptions {
  readonly url: Secret
  /** Bound on one round trip, connection included. */
  readonly timeoutMs: number
  readonly connections?: number
}

const MAX_RESPONSE_BYTES = 64 * 1024 * 1024

/** JSON-RPC over keep-alive HTTP. Redirects are not followed (T13). */
export function httpTransport(options: HttpTransportOptions): RpcTransport {
  const url = new URL(options.url.reveal())
  const pool = new Pool(url.origin, {
    connections: options.connections ?? 64,
    keepAliveTimeout: 30_000,
    connectTimeout: options.timeoutMs,
    headersTimeout: options.timeoutMs,
    bodyTimeout: options.timeoutMs,
    maxResponseSize: MAX_RESPONSE_BYTES,
  })
  const path = `${url.pathname}${url.search}`
  const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json' }
  if (url.username !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`
  }
  const host = url.host
  let nextId = 1
  let takesBatches = true

  async function post(body: unknown, signal: AbortSignal): Promise<string> {
    const limited = deadline(options.timeoutMs, signal)
    try {
      const response = await pool.request({
        method: 'POST',
        path,
        headers,
        body: JSON.stringify(body),
        signal: limited,
      })
      const text = await response.body.text()
      // Several providers put a proper JSON-RPC refusal into a 4xx or 5xx answer; only the rest is a failure.
      if (
        response.statusCode !== 200 &&
        !text.trimStart().startsWith('{') &&
        !text.trimStart().startsWith('[')
      ) {
        throw new BursarError('provider_unreachable', { host, reason: `HTTP ${response.statusCode}` })
      }
      return text
    } catch (error) {
      if (error instanceof BursarError) throw error
      signal.throwIfAborted()
      const reason = limited.aborted ? `no answer within ${options.timeoutMs} ms` : failureOf(error)
      throw new BursarError('provider_unreachable', { host, reason }, { cause: error })
    }
  }

  async function one({ method, params }: RpcRequest, signal: AbortSignal): Promise<RpcOutcome> {
    const id = nextId++
    return parseAnswer(await post({ jsonrpc: '2.0', id, method, params }, signal), id, host)
  }

  async function together(
    requests: readonly RpcRequest[],
    signal: AbortSignal,
  ): Promise<readonly RpcOutcome[] | undefined> {
    const calls = requests.map(({ method, params }) => ({ jsonrpc: '2.0', id: nextId++, method, params }))
    const ids = calls.map(({ id }) => id)
    return parseBatch(await post(calls, signal), ids, host)
  }

  return {
    host,
    async send(requests, signal) {
      if (requests.length > 1 && takesBatches) {
        const outcomes = await together(requests, signal)
        if (outcomes) return outcomes
        takesBatches = false
      }
      return Promise.all(requests.map((request) => one(request, signal)))
    },
    close: () => pool.destroy(),
  }
}

function failureOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  return code ?? (error instanceof Error ? error.name : 'unknown failure')
}
