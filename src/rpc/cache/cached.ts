import { pause, unattended } from '../../primitives/abort.ts'
import { canonicalJson } from '../../primitives/json.ts'
import { type Metrics, silentMetrics } from '../../primitives/metrics.ts'
import { newestBlockIn } from '../pool/heads.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from '../transport.ts'
import type { Cache } from './cache.ts'
import { lifetimeOfBatch } from './lifetimes.ts'

export interface CachedTransport extends RpcTransport {
  /** Forgets everything that was true of the newest block: the chain has moved, or we have moved it. */
  headMoved(): void
  /** The same, when it is known where the chain ends now: what an endpoint that is behind says is not kept. */
  headIs(number: bigint): void
}

/** Kept as long as there is room: what cannot change has no age. */
const FOREVER_MS = 24 * 3_600_000

/** An answer from before the newest block that was shown is asked for again; told so often in a row it is the chain. */
const LOOKS = 3
const BETWEEN_LOOKS_MS = 100

/**
 * Answers from the cache while they are true. Callers who ask the same at the same time share one round trip. Refusals
 * and nulls are not kept: both are often about to change. The newest block that is shown goes back only when it is the chain that has.
 */
export function cached(
  inner: RpcTransport,
  cache: Cache,
  scope: string,
  metrics: Metrics = silentMetrics,
): CachedTransport {
  const flights = new Map<string, Promise<readonly RpcOutcome[]>>()
  /** Entries about the newest block carry the generation in their key; a new head makes all of them unreachable. */
  let generation = 0
  let head: bigint | undefined
  let shown: bigint | undefined

  async function ask(requests: readonly RpcRequest[], signal: AbortSignal): Promise<readonly RpcOutcome[]> {
    for (let look = 1; ; look++) {
      const outcomes = await inner.send(requests, signal)
      const seen = newestBlockIn(requests, outcomes)
      const isBack = seen !== undefined && shown !== undefined && seen < shown
      if (!isBack || look === LOOKS) {
        shown = seen ?? shown
        return outcomes
      }
      await pause(BETWEEN_LOOKS_MS, signal)
    }
  }

  /** Said by an endpoint that has not heard of the newest block: true of an older one than is known. */
  function isBehind(requests: readonly RpcRequest[], outcomes: readonly RpcOutcome[]): boolean {
    const seen = newestBlockIn(requests, outcomes)
    return seen !== undefined && head !== undefined && seen < head
  }

  async function fetch(
    key: string,
    requests: readonly RpcRequest[],
    ttlMs: number,
  ): Promise<readonly RpcOutcome[]> {
    const outcomes = await ask(requests, unattended())
    if (outcomes.every(isKeepable) && !isBehind(requests, outcomes)) {
      cache.set(key, Object.freeze(outcomes), ttlMs)
      const { size, evictions } = cache.stats()
      metrics.gauge('rpc_cache_entries', {}, size)
      metrics.gauge('rpc_cache_evictions', {}, evictions)
    }
    return outcomes
  }

  function share(
    key: string,
    requests: readonly RpcRequest[],
    ttlMs: number,
  ): Promise<readonly RpcOutcome[]> {
    const running = flights.get(key)
    if (running) return running
    const flight = fetch(key, requests, ttlMs).finally(() => flights.delete(key))
    flights.set(key, flight)
    return flight
  }

  return {
    host: inner.host,
    close: () => inner.close(),
    headMoved() {
      generation += 1
    },
    headIs(number) {
      generation += 1
      head = number
    },
    send(requests, signal) {
      if (signal.aborted) return Promise.reject(signal.reason)
      const lifetime = lifetimeOfBatch(requests)
      if (lifetime.kind === 'never') return ask(requests, signal)
      const about = lifetime.kind === 'forever' ? 'f' : `${generation}`
      const key = `${scope} ${about} ${canonicalJson(requests.map(({ method, params }) => [method, params]))}`
      const kept = cache.get(key) as readonly RpcOutcome[] | undefined
      const labels = { chain: scope, method: requests[0]?.method ?? '' }
      metrics.count(kept ? 'rpc_cache_hits' : 'rpc_cache_misses', labels)
      if (kept) return Promise.resolve(kept)
      return untilAborted(
        share(key, requests, lifetime.kind === 'forever' ? FOREVER_MS : lifetime.ms),
        signal,
      )
    },
  }
}

function isKeepable(outcome: RpcOutcome): boolean {
  return outcome.ok && outcome.result !== null && outcome.result !== undefined
}

/** One caller's abort ends that caller's wait; the round trip goes on for the others. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort))
  })
}
