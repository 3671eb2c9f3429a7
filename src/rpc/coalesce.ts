import { setMaxListeners } from 'node:events'
import { isBursarError } from '../errors/bursarError.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from './transport.ts'

interface Waiting {
  readonly requests: readonly RpcRequest[]
  /** Aborts when this caller leaves. */
  readonly signal: AbortSignal
  readonly resolve: (outcomes: readonly RpcOutcome[]) => void
  readonly reject: (error: unknown) => void
}

/** What providers take in one request without complaint. */
export const MAX_BATCH = 100

/**
 * Joins what independent callers ask in the same turn of the event loop into one round trip of at most
 * `maxBatch` calls; what one caller asks in one piece is not divided, however much it is. One caller's abort ends that
 * caller's wait; when all have left, the round trip ends too.
 */
export function coalesced(inner: RpcTransport, maxBatch = MAX_BATCH): RpcTransport {
  let waiting: Waiting[] = []

  async function flush(): Promise<void> {
    const group = waiting
    waiting = []
    await ask(group)
  }

  async function ask(group: readonly Waiting[]): Promise<void> {
    const requests = group.flatMap((entry) => entry.requests)
    try {
      const outcomes = await untilAllLeft(group, (signal) => inner.send(requests, signal))
      let from = 0
      for (const entry of group) {
        entry.resolve(outcomes.slice(from, from + entry.requests.length))
        from += entry.requests.length
      }
    } catch (error) {
      if (group.length > 1 && isBursarError(error, 'answer_too_large')) {
        // Whose answer it is, halves tell: nobody fails for what another one asked.
        const half = Math.ceil(group.length / 2)
        await Promise.all([ask(group.slice(0, half)), ask(group.slice(half))])
        return
      }
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
        // One caller may ask for much at once: that is no leak.
        setMaxListeners(0, signal)
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
        waiting.push({ requests, signal, resolve: settled(resolve), reject: settled(reject) })
      })
    },
  }
}

/** Runs a round trip under a signal that aborts once every caller of the group has left. */
async function untilAllLeft<T>(
  group: readonly Waiting[],
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const everybody = new AbortController()
  setMaxListeners(0, everybody.signal)
  let staying = group.length
  const leaving = group.map(({ signal }) => {
    const leave = () => {
      staying -= 1
      if (staying === 0) everybody.abort(signal.reason)
    }
    if (signal.aborted) leave()
    else signal.addEventListener('abort', leave)
    return () => signal.removeEventListener('abort', leave)
  })
  try {
    return await run(everybody.signal)
  } finally {
    for (const forget of leaving) forget()
  }
}
