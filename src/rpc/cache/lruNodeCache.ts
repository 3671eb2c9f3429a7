import NodeCache from 'node-cache'
import { type Clock, monotonicClock } from '../../primitives/clock.ts'
import type { Cache } from './cache.ts'

/** Expired entries that nobody asks for again are swept this often. */
const SWEEP_SECONDS = 60

interface Entry {
  readonly value: unknown
  /** On the monotonic clock. */
  readonly until: number
}

/**
 * node-cache with a bound: it sweeps what has expired, the order of use decides which one a full cache drops. It goes
 * by the wall clock, and with that set back by hours an entry would live for hours longer than it says (F20): so each
 * knows its end by the monotonic clock as well, which stands still while the machine sleeps. The earlier one counts.
 */
export function lruNodeCache(maxEntries: number, clock: Clock = monotonicClock): Cache {
  // Clones cost ten times the look-up (and what nobody changes needs none).
  const store = new NodeCache({ useClones: false, checkperiod: SWEEP_SECONDS })
  /** Keys in the order of their last use: a Map keeps insertion order. */
  const order = new Map<string, undefined>()
  let hits = 0
  let misses = 0
  let evictions = 0
  store.on('del', (key: string) => order.delete(key))

  return {
    get(key) {
      const entry = store.get(key) as Entry | undefined
      if (entry === undefined || entry.until <= clock.now()) {
        if (entry) store.del(key)
        misses += 1
        return undefined
      }
      hits += 1
      order.delete(key)
      order.set(key, undefined)
      return entry.value
    },
    has: (key) => order.has(key),
    set(key, value, ttlMs) {
      order.delete(key)
      const oldest = order.size >= maxEntries ? order.keys().next() : undefined
      if (oldest?.done === false) {
        store.del(oldest.value)
        evictions += 1
      }
      const entry: Entry = { value, until: clock.now() + ttlMs }
      store.set(key, entry, ttlMs / 1000)
      order.set(key, undefined)
    },
    delete: (key) => void store.del(key),
    stats: () => ({ size: order.size, hits, misses, evictions }),
    close() {
      store.removeAllListeners()
      // It begins to sweep again, so that it comes before the end of sweeping.
      store.flushAll()
      store.close()
    },
  }
}
