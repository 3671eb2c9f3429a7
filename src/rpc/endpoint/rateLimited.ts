import { BursarError, isBursarError } from '../../errors/bursarError.ts'
import type { RpcErrorBody, RpcOutcome, RpcRequest, RpcTransport } from '../transport.ts'
import type { RateLimiter } from './rateLimiter.ts'

/**
 * Sends no more than the limiter allows, and tells it when the provider thought that it was too much. A refusal for
 * the rate is thrown as `provider_throttled`, whatever its shape: it says nothing about the chain, so another
 * endpoint may be asked. Without a limiter only that.
 */
export function rateLimited(inner: RpcTransport, limiter?: RateLimiter): RpcTransport {
  async function exchange(
    requests: readonly RpcRequest[],
    signal: AbortSignal,
  ): Promise<readonly RpcOutcome[]> {
    try {
      const outcomes = await inner.send(requests, signal)
      const refused = outcomes.flatMap((each) => (!each.ok && isThrottle(each.error) ? [each.error] : []))[0]
      if (!refused) return outcomes
      const retryAfterMs = retryAfter(refused)
      throw new BursarError('provider_throttled', { host: inner.host, retryAfterMs })
    } catch (error) {
      if (isBursarError(error, 'provider_throttled')) limiter?.throttled(error.context.retryAfterMs)
      throw error
    }
  }

  /** In as many parts as the limiter makes of it; a part that fails ends the others. */
  async function paced(
    requests: readonly RpcRequest[],
    limit: RateLimiter,
    signal: AbortSignal,
  ): Promise<readonly RpcOutcome[]> {
    const urgent = requests.some(({ method }) => SENDS.test(method))
    let sent = await limit.acquire(requests.length, signal, { urgent })
    if (sent >= requests.length) return exchange(requests, signal)
    const stop = new AbortController()
    const pass = () => stop.abort(signal.reason)
    signal.addEventListener('abort', pass)
    const parts: Promise<readonly RpcOutcome[]>[] = []
    const leave = (part: readonly RpcRequest[]) => {
      const outcomes = exchange(part, stop.signal)
      outcomes.catch((reason: unknown) => stop.abort(reason))
      parts.push(outcomes)
    }
    try {
      leave(requests.slice(0, sent))
      while (sent < requests.length) {
        const more = await limit.acquire(requests.length - sent, stop.signal, { urgent, continued: true })
        leave(requests.slice(sent, sent + more))
        sent += more
      }
      return (await Promise.all(parts)).flat()
    } finally {
      signal.removeEventListener('abort', pass)
    }
  }

  return {
    host: inner.host,
    async close() {
      await limiter?.close()
      await inner.close()
    },
    send: (requests, signal) => (limiter ? paced(requests, limiter, signal) : exchange(requests, signal)),
  }
}

/** A payment that is signed does not wait behind reads. */
const SENDS = /^(eth_sendRaw|sendTransaction$)/

const THROTTLE_TEXT =
  /rate.?limit|too many requests|request(s)? (rate|limit) |(compute units|requests?|throughput|capacity)\b.*\b(per second|exceeded)|exceeded.*\b(compute units|throughput|per second|quota)|credits.*exceeded|daily request count/i
/** Infura and others refuse queries that are too large with the code that stands for "limit exceeded" as well. */
const TOO_LARGE = /results|block range|range is too|logs matched|response size|too large/i
/** What a contract says when it reverts is chosen by a stranger (R9). */
const OF_THE_CHAIN = /revert|vm exception|vm execution/i
const REVERTED = 3
const LIMIT_EXCEEDED = -32005

/** Whether an error means "too many requests": by the codes and texts that providers use in 200 answers. */
export function isThrottle({ code, message }: RpcErrorBody): boolean {
  if (code === 429) return true
  // The codes of JSON-RPC itself are about the request: unknown method, wrong parameters.
  const standard = code >= -32700 && code <= -32600
  if (code === REVERTED || standard || OF_THE_CHAIN.test(message) || TOO_LARGE.test(message)) return false
  return code === LIMIT_EXCEEDED || THROTTLE_TEXT.test(message)
}

/** How long the provider asks to wait: Infura in data, others in the text. */
function retryAfter({ message, data }: RpcErrorBody): number | undefined {
  const rate = (data as { rate?: { backoff_seconds?: unknown } } | null | undefined)?.rate
  const seconds = Number(rate?.backoff_seconds)
  if (seconds > 0) return seconds * 1000
  const [, amount, unit] =
    /(?:try again|retry)\D{0,20}?(\d{1,6}(?:\.\d+)?) ?(ms|s\b|sec)/i.exec(message) ?? []
  const ms = Number(amount) * (unit === 'ms' ? 1 : 1000)
  return ms > 0 ? ms : undefined
}
