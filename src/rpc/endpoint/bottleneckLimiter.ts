import Bottleneck from 'bottleneck'
import { pause } from '../../primitives/abort.ts'
import type { Clock } from '../../primitives/clock.ts'
import { AdaptiveRate } from './adaptiveRate.ts'
import type { RateLimiter } from './rateLimiter.ts'

/** A call keeps its place for a little longer than the window, so that a timer that fires early breaks nothing. */
const WINDOW_MS = 1_010

/**
 * At most `perSecond` calls in any second, wherever the second begins: each call holds one of `perSecond` places for
 * a whole window. Fixed windows would let through twice the limit around their edges. Bottleneck passes about 460
 * jobs a second, so this is for limits up to 200.
 */
export function bottleneckLimiter(perSecond: number, clock: Clock): RateLimiter {
  const rate = new AdaptiveRate(perSecond, clock)
  const places = new Bottleneck({ maxConcurrent: perSecond })
  let applied = perSecond

  async function apply(): Promise<void> {
    const wanted = rate.current
    if (wanted === applied) return
    applied = wanted
    await places.updateSettings({ maxConcurrent: wanted })
  }

  return {
    get burst() {
      return rate.current
    },
    async acquire(calls, signal) {
      while (rate.pauseMs > 0 && !signal.aborted) await pause(rate.pauseMs, signal)
      signal.throwIfAborted()
      await apply()
      await new Promise<void>((resolve, reject) => {
        const onAbort = () => reject(signal.reason)
        signal.addEventListener('abort', onAbort, { once: true })
        const hold = async () => {
          // A caller that is gone gives its place back at once.
          if (signal.aborted) return
          signal.removeEventListener('abort', onAbort)
          resolve()
          await pause(WINDOW_MS)
        }
        places.schedule({ weight: Math.min(calls, applied) }, hold).catch(reject)
      })
    },
    throttled(retryAfterMs) {
      rate.refused(retryAfterMs)
      void apply()
    },
  }
}
