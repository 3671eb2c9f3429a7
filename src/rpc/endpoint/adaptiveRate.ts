import type { Clock } from '../../primitives/clock.ts'

/** Without a Retry-After, how long a throttled endpoint is left alone. */
const DEFAULT_PAUSE_MS = 1_000
/** A provider that asks for more than this is as good as down; failover has moved on by then. */
const MAX_PAUSE_MS = 60_000
/** After this long without a refusal the rate grows again, by a tenth of the limit each time. */
const QUIET_MS = 5_000

/**
 * The rate that a provider really takes: halved by each refusal, grown back in quiet, never above the limit and
 * never below one call a second.
 */
export class AdaptiveRate {
  readonly limit: number
  readonly #clock: Clock
  #rate: number
  #pausedUntil = 0
  #changedAt = 0

  constructor(limit: number, clock: Clock) {
    this.limit = limit
    this.#clock = clock
    this.#rate = limit
  }

  /** Calls a second that may be sent now. */
  get current(): number {
    const now = this.#clock.now()
    const steps = Math.floor((now - this.#changedAt) / QUIET_MS)
    if (this.#rate < this.limit && steps > 0) {
      this.#rate = Math.min(this.limit, this.#rate + steps * Math.max(1, Math.floor(this.limit / 10)))
      this.#changedAt = now
    }
    return this.#rate
  }

  /** Milliseconds until anything may be sent. */
  get pauseMs(): number {
    return Math.max(0, this.#pausedUntil - this.#clock.now())
  }

  refused(retryAfterMs: number | undefined): void {
    const now = this.#clock.now()
    this.#rate = Math.max(1, Math.floor(this.current / 2))
    this.#changedAt = now
    const pause = Math.min(retryAfterMs ?? DEFAULT_PAUSE_MS, MAX_PAUSE_MS)
    this.#pausedUntil = Math.max(this.#pausedUntil, now + pause)
  }
}
