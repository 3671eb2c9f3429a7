import { isBursarError } from '../../errors/bursarError.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from '../transport.ts'
import type { RateLimiter } from './rateLimiter.ts'

/** Sends no more than the limiter allows, and tells it when the provider thought that it was too much. */
export function rateLimited(inner: RpcTransport, limiter: RateLimiter): RpcTransport {
  async function send(requests: readonly RpcRequest[], signal: AbortSignal): Promise<readonly RpcOutcome[]> {
    await limiter.acquire(requests.length, signal)
    try {
      const outcomes = await inner.send(requests, signal)
      if (outcomes.some(isThrottled)) limiter.throttled(undefined)
      return outcomes
    } catch (error) {
      if (isBursarError(error, 'provider_throttled')) limiter.throttled(error.context.retryAfterMs)
      throw error
    }
  }

  return {
    host: inner.host,
    close: () => inner.close(),
    async send(requests, signal) {
      const size = Math.max(1, limiter.burst)
      if (requests.length <= size) return send(requests, signal)
      const groups = Math.ceil(requests.length / size)
      const parts = Array.from({ length: groups }, (_, index) =>
        requests.slice(index * size, (index + 1) * size),
      )
      return (await Promise.all(parts.map((part) => send(part, signal)))).flat()
    },
  }
}

/** Codes and texts by which providers refuse a single call of a batch for its rate. */
export function isThrottled(outcome: RpcOutcome): boolean {
  if (outcome.ok) return false
  const { code, message } = outcome.error
  return (
    code === 429 || code === -32005 || /rate limit|too many requests|compute units per second/i.test(message)
  )
}
