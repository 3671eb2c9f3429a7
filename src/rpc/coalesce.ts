import { unattended } from '../primitives/abort.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from './transport.ts'

interface Waiting {
  readonly requests: readonly RpcRequest[]
  readonly resolve: (outcomes: readonly RpcOutcome[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * Joins what independent callers ask in the same turn of the event loop into one round trip of at most
 * `maxBatch` calls. One caller's abort ends that caller's wait and nothing else.
 */
export function coalesced(inner: RpcTransport, maxBatch = 100): RpcTransport {
  let waiting: Waiting[] = []

  async function flush(): Promise<void> {
    const group = waiting
    waiting = []
    const requests = group.flatMap((entry) => entry.requests)
    try {
      const outcomes = await inner.send(requests, unattended())
      let from = 0
      for (const entry of group) {
        entry.resolve(outcomes.slice(from, from + entry.requests.length))
        from += entry.requests.length
      }
    } catch (error) {
      for (const entry of group) entry.reject(error)
    }
  }

  return {
    host: inner.host,
    close: () => inner.close(),
    send(requests, signal) {
      if (requests.length >= maxBatch) return inner.send(requests, signal)
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason)
        const onAbort = () => reject(signal.reason)
        signal.addEventListener('abort', onAbort, { once: true })
        const settled = <T>(settle: (value: T) => void) => {
          return (value: T) => {
            signal.removeEventListener('abort', onAbort)
            settle(value)
          }
        }
        const size = waiting.reduce((sum, entry) => sum + entry.requests.length, requests.length)
        if (size > maxBatch) void flush()
        if (waiting.length === 0) setImmediate(() => void (waiting.length > 0 && flush()))
        waiting.push({ requests, resolve: settled(resolve), reject: settled(reject) })
      })
    },
  }
}
