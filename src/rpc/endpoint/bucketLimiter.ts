import { RateLimiterMemory } from 'rate-limiter-flexible'
import { pause } from '../../primitives/abort.ts'
import { monotonicClock } from '../../primitives/clock.ts'
import type { Demand, Places } from './rateLimiter.ts'

/** Time is cut into buckets of this length. */
const BUCKET_MS = 50
/** Each counts for a second after its end, and for what its calls may lie apart on the way to the provider. */
const COUNTS_MS = 1_010
const BUCKETS = Math.ceil(COUNTS_MS / BUCKET_MS) + 1

/**
 * Room for limits that Bottleneck cannot pass. One fixed window a second would let twice its points through around
 * its edge, so the rate holds over the sum of small ones: all that a second can touch, wherever it begins. It gives
 * the whole rate at once after quiet, and nine tenths of it and more under load.
 */
export function bucketPlaces(): Places {
  // A key stands for one bucket of our monotonic clock, so the library's own (wall-clock) expiry only tidies up.
  const buckets = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: 5 })

  /** What has left in the buckets that count, the oldest first. */
  async function counted(now: number): Promise<{ readonly freeAt: number; readonly calls: number }[]> {
    const newest = Math.floor(now / BUCKET_MS)
    const numbers = Array.from({ length: BUCKETS + 1 }, (_, back) => newest - BUCKETS + back)
    const found = await Promise.all(
      numbers.map(async (bucket) => ({
        freeAt: (bucket + 1) * BUCKET_MS + COUNTS_MS,
        calls: (await buckets.get(String(bucket)))?.consumedPoints ?? 0,
      })),
    )
    return found.filter(({ freeAt, calls }) => calls > 0 && freeAt > now)
  }

  return {
    async take(demand: Demand, perSecond: number): Promise<number> {
      while (!demand.gone.aborted) {
        const now = monotonicClock.now()
        const used = await counted(now)
        const free = perSecond - used.reduce((sum, { calls }) => sum + calls, 0)
        const taken = Math.min(demand.calls, free)
        if (taken > 0) {
          await buckets.consume(String(Math.floor(now / BUCKET_MS)), taken)
          return taken
        }
        // The rate may have fallen: then more than one bucket has to go before a call has room.
        let room = free
        const next = used.find(({ calls }) => {
          room += calls
          return room > 0
        })
        await pause((next?.freeAt ?? now) - now, demand.gone)
      }
      return 0
    },
  }
}
