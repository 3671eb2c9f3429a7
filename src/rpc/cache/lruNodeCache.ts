import NodeCache from 'node-cache'
import type { Cache } from './cache.ts'

/** Expired entries that nobody asks for again are swept this often. */
const SWEEP_SECONDS = 60

/** node-cache with a bound: it knows when entries expire, the order of use decides which one a full cache drops. */
export function lruNodeCache(maxEntries: number): Cache {
  // Clones cost ten times the look-up (and a frozen answer needs none).
  const store = new NodeCache({ useClones: false, checkperiod: SWEEP_SECONDS })
  /** Keys in the order of their last use: a Map keeps insertion order. */
  const order = new Map<string, undefined>()
  let hits = 0
  let misses = 0
  let evictions = 0
  store.on('del', (key: string) => order.delete(key))

  return {
    get(key) {
      const value = store.get(key)
      if (value === undefined) {
        misses += 1
        return undefined
      }
      hits += 1
      order.delete(key)
      order.set(key, undefined)
      return value
    },
    set(key, value, ttlMs) {
      order.delete(key)
      const oldest = order.size >= maxEntries ? order.keys().next() : undefined
      if (oldest?.done === false) {
        store.del(oldest.value)
        evictions += 1
      }
      store.set(key, value, ttlMs / 1000)
      order.set(key, undefined)
    },
    delete: (key) => void store.del(key),
    stats: () => ({ size: order.size, hits, misses, evictions }),
    close() {
      store.close()
      store.removeAllListeners()
      store.flushAll()
    },
  }
}
