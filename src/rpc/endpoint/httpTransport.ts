import { errors, Pool } from 'undici'
import { BursarError } from '../../errors/bursarError.ts'
import { withDeadline } from '../../primitives/abort.ts'
import type { Secret } from '../../primitives/secret.ts'
import { nameOf, type RpcOutcome, type RpcRequest, type RpcTransport } from '../transport.ts'
import { isRefusalOfBatch, parseAnswer, parseBatch } from './answers.ts'
import { withoutSecretsOf } from './ownSecrets.ts'

export interface HttpTransportOptions {
  readonly url: Secret
  /** Bound on one round trip, connection included. */
  readonly timeoutMs: number
  readonly connections?: number
}

const MAX_RESPONSE_MIB = 64
/**
 * Said by what stands before a node, whatever the body is: no credentials, too slow, too many, nobody there. Taken for
 * the chain's answer, a rate limit would read as a revert, or as an endpoint that takes no batches.
 */
const GATEWAY_STATUSES: ReadonlySet<number> = new Set([401, 403, 407, 408, 429, 502, 503, 504])

/** JSON-RPC over keep-alive HTTP. Redirects are not followed (T13). */
export function httpTransport(options: HttpTransportOptions): RpcTransport {
  const { timeoutMs } = options
  const url = new URL(options.url.reveal())
  const pool = new Pool(url.origin, {
    connections: options.connections ?? 64,
    keepAliveTimeout: 30_000,
    connectTimeout: timeoutMs,
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    maxResponseSize: MAX_RESPONSE_MIB * 1024 * 1024,
  })
  const path = `${url.pathname}${url.search}`
  const headers: Record<string, string> = { 'content-type': 'application/json', accept: 'application/json' }
  if (url.username !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`
  }
  const host = url.host
  const shown = withoutSecretsOf(options.url)
  let nextId = 1

  async function exchange(body: unknown, signal: AbortSignal): Promise<string> {
    const response = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(body), signal })
    const text = await response.body.text()
    const { statusCode } = response
    // Several providers put a proper JSON-RPC refusal into a 4xx or 5xx answer; only the rest is a failure.
    if (statusCode === 200) return text
    if (statusCode >= 400 && !GATEWAY_STATUSES.has(statusCode) && /^\s*[{[]/.test(text)) return text
    const retryAfter = response.headers['retry-after']
    if (statusCode === 429 || (statusCode === 503 && retryAfter)) throw throttled(host, retryAfter)
    throw new BursarError('provider_unreachable', { host, reason: `HTTP ${statusCode}` })
  }

  /** `method` is for what is said when it fails. */
  async function post(body: unknown, method: string, signal: AbortSignal): Promise<string> {
    try {
      return await withDeadline(timeoutMs, signal, (limited) => exchange(body, limited))
    } catch (error) {
      if (error instanceof BursarError) throw error
      signal.throwIfAborted()
      if (error instanceof errors.ResponseExceededMaxSizeError) {
        throw new BursarError('answer_too_large', { method, host, most: `${MAX_RESPONSE_MIB} MiB` })
      }
      throw new BursarError(
        'provider_unreachable',
        { host, reason: failureOf(error, timeoutMs) },
        { cause: error },
      )
    }
  }

  async function one({ method, params }: RpcRequest, signal: AbortSignal): Promise<RpcOutcome> {
    const id = nextId++
    return shown(parseAnswer(await post({ jsonrpc: '2.0', id, method, params }, method, signal), id, host))
  }

  async function together(
    requests: readonly RpcRequest[],
    signal: AbortSignal,
  ): Promise<readonly RpcOutcome[]> {
    const calls = requests.map(({ method, params }) => ({ jsonrpc: '2.0', id: nextId++, method, params }))
    const ids = calls.map(({ id }) => id)
    const outcomes = parseBatch(await post(calls, nameOf(requests), signal), ids, host)
    // One refusal for all of a batch is known by being the same for each of its calls.
    return isRefusalOfBatch(outcomes) ? outcomes : outcomes.map(shown)
  }

  return {
    host,
    async send(requests, signal) {
      const [only, ...others] = requests
      return only && others.length === 0 ? [await one(only, signal)] : together(requests, signal)
    },
    close: () => pool.destroy(),
  }
}

/** Retry-After is in seconds or a date (RFC 9110, section 10.2.3). */
function throttled(host: string, retryAfter: string | string[] | undefined): BursarError {
  const text = Array.isArray(retryAfter) ? retryAfter[0] : retryAfter
  const seconds = text === undefined ? Number.NaN : Number(text)
  const date = text === undefined ? Number.NaN : Date.parse(text)
  const ms = Number.isNaN(seconds) ? date - Date.now() : seconds * 1000
  return new BursarError('provider_throttled', { host, retryAfterMs: ms > 0 ? ms : undefined })
}

function failureOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'unknown failure'
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`
  return 'code' in error && error.code !== undefined ? String(error.code) : error.name
}
