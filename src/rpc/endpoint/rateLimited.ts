import { isBursarError } from '../../errors/bursarError.ts'
import { monotonicClock } from '../../primitives/clock.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from '../transport.ts'
import type { RateLimiter } from './rateLimiter.ts'
import { isThrottle, throttled } from './throttleSigns.ts'

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
      throw throttled(refused, inner.host)
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
    const askedAt = monotonicClock.now()
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
        const more = await limit.acquire(requests.length - sent, stop.signal, { urgent, askedAt })
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
