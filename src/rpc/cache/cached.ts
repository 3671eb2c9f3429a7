import { pause, unattended } from '../../primitives/abort.ts'
import { canonicalJson } from '../../primitives/json.ts'
import { type Metrics, silentMetrics } from '../../primitives/metrics.ts'
import { newestBlockIn } from '../pool/heads.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from '../transport.ts'
import type { Cache } from './cache.ts'
import { areFinal, mayBeFinal } from './finalData.ts'
import { type Lifetime, lifetimeOfBatch } from './lifetimes.ts'

export interface CachedTransport extends RpcTransport {
  /** Forgets everything that was true of the newest block: the chain has moved, perhaps to `number`, or we have moved it. */
  headMoved(number?: bigint): void
  /**
   * The same, when it is known where the chain ends now: what an endpoint that is behind says is not kept. Not
   * `linked`: nobody knows what of the blocks before is still on the chain.
   */
  headIs(number: bigint, linked?: boolean): void
}

export interface CachedOptions {
  /** CAIP-2 id: whose answers these are, in a cache of many chains. */
  readonly chain: string
  /** Blocks below the newest one, from which on a block stays; absent: none is known to. */
  readonly confirmations?: number
  readonly metrics?: Metrics
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
  { chain, confirmations, metrics = silentMetrics }: CachedOptions,
): CachedTransport {
  const flights = new Map<string, Promise<readonly RpcOutcome[]>>()
  /** Entries about the newest block carry the generation in their key; a new head makes all of them unreachable. */
  let generation = 0
  /** The same for what is about blocks that stay; a new one when they did not. */
  let era = 0
  let head: bigint | undefined
  /** The newest block that stays. */
  let final: bigint | undefined
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

  function forget(): void {
    era += 1
    final = undefined
  }

  /** A chain that goes back below a block that had all its confirmations takes with it what was to stay. */
  function moveTo(head: bigint | undefined): void {
    if (head === undefined || confirmations === undefined) return
    if (final !== undefined && head < final) forget()
    const confirmed = head - BigInt(confirmations)
    if (final === undefined || confirmed > final) final = confirmed
  }

  async function fetch(
    requests: readonly RpcRequest[],
    keys: Keys,
    ttlMs: number,
  ): Promise<readonly RpcOutcome[]> {
    // What stays when the question leaves: while the answer is on its way its block may go, and others stay at its height.
    const stays = final
    const outcomes = await ask(requests, unattended())
    if (outcomes.every(isKeepable) && !isBehind(requests, outcomes)) {
      const isFinal = keys.final !== undefined && stays !== undefined && areFinal(requests, outcomes, stays)
      cache.set(isFinal ? keys.final : keys.now, Object.freeze(outcomes), isFinal ? FOREVER_MS : ttlMs)
      const { size, evictions } = cache.stats()
      metrics.gauge('rpc_cache_entries', {}, size)
      metrics.gauge('rpc_cache_evictions', {}, evictions)
    }
    return outcomes
  }

  function keysOf(requests: readonly RpcRequest[], lifetime: Lifetime): Keys {
    const question = canonicalJson(requests.map(({ method, params }) => [method, params]))
    const key = (about: string) => `${chain} ${about} ${question}`
    if (lifetime.kind === 'forever') return { now: key('f') }
    const now = key(`${generation}`)
    return mayBeFinal(requests) ? { now, final: key(`era ${era}`) } : { now }
  }

  function share(requests: readonly RpcRequest[], keys: Keys, ttlMs: number): Promise<readonly RpcOutcome[]> {
    const key = keys.now
    const running = flights.get(key)
    if (running) return running
    const flight = fetch(requests, keys, ttlMs).finally(() => flights.delete(key))
    flights.set(key, flight)
    return flight
  }

  return {
    host: inner.host,
    close: () => inner.close(),
    headMoved(number) {
      generation += 1
      moveTo(number)
    },
    headIs(number, linked = true) {
      generation += 1
      head = number
      if (!linked) forget()
      moveTo(number)
    },
    send(requests, signal) {
      if (signal.aborted) return Promise.reject(signal.reason)
      const lifetime = lifetimeOfBatch(requests)
      if (lifetime.kind === 'never') return ask(requests, signal)
      const keys = keysOf(requests, lifetime)
      const kept = cache.get(keys.final && cache.has(keys.final) ? keys.final : keys.now)
      const labels = { chain, method: requests[0]?.method ?? '' }
      metrics.count(kept ? 'rpc_cache_hits' : 'rpc_cache_misses', labels)
      if (kept) return Promise.resolve(kept as readonly RpcOutcome[])
      const ttlMs = lifetime.kind === 'forever' ? FOREVER_MS : lifetime.ms
      return untilAborted(share(requests, keys, ttlMs), signal)
    },
  }
}

/** Where an answer is kept: for as long as it may be true, and for good if it turns out to be about blocks that stay. */
interface Keys {
  readonly now: string
  readonly final?: string
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
