import { type Clock, monotonicClock } from '../../primitives/clock.ts'

/** Without a Retry-After, how long a throttled endpoint is left alone. */
const DEFAULT_PAUSE_MS = 1_000
/** A provider that asks for more than this is as good as down; failover has moved on by then. */
const MAX_PAUSE_MS = 60_000
/** After this long without a refusal the rate grows again, by a tenth of the limit each time. */
const QUIET_MS = 5_000
/** Refusals that come together are answers to what left before the first of them, and count as one. */
const EPISODE_MS = 1_000

/**
 * The rate that a provider really takes: halved by each refusal, grown back in quiet, never above the limit and
 * never below one call a second. Always a whole number. Its clock is monotonic: a limiter must neither open early nor
 * stay shut for hours when the wall clock is set (F20).
 */
export class AdaptiveRate {
  readonly limit: number
  readonly #clock: Clock
  #rate: number
  #pausedUntil = Number.NEGATIVE_INFINITY
  #loweredAt = Number.NEGATIVE_INFINITY
  #changedAt = Number.NEGATIVE_INFINITY

  constructor(limit: number, clock: Clock = monotonicClock) {
    this.limit = limit
    this.#clock = clock
    this.#rate = limit
  }

  /** Calls a second that may be sent now. */
  get current(): number {
    if (this.#rate === this.limit) return this.#rate
    const steps = Math.floor((this.#clock.now() - this.#changedAt) / QUIET_MS)
    if (steps > 0) {
      this.#rate = Math.min(this.limit, this.#rate + steps * Math.max(1, Math.floor(this.limit / 10)))
      this.#changedAt += steps * QUIET_MS
    }
    return this.#rate
  }

  /** Milliseconds until anything may be sent. */
  get pauseMs(): number {
    return Math.max(0, this.#pausedUntil - this.#clock.now())
  }

  refused(retryAfterMs: number | undefined): void {
    const now = this.#clock.now()
    if (now - this.#loweredAt >= EPISODE_MS && this.pauseMs === 0) {
      this.#rate = Math.max(1, Math.floor(this.current / 2))
      this.#loweredAt = now
    }
    // Quiet begins when the provider has stopped refusing and is being asked again.
    this.pauseFor(retryAfterMs ?? DEFAULT_PAUSE_MS)
    this.#changedAt = this.#pausedUntil
  }

  /** Another process was told to slow down: what it may send now is all that this one may. */
  adopt(perSecond: number): void {
    if (perSecond >= this.current) return
    this.#rate = Math.max(1, Math.floor(perSecond))
    this.#changedAt = this.#clock.now()
  }

  pauseFor(ms: number): void {
    const until = this.#clock.now() + Math.min(ms, MAX_PAUSE_MS)
    this.#pausedUntil = Math.max(this.#pausedUntil, until)
  }
}
