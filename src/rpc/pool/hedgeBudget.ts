/** Hedges that may be spent at once: a burst that is in flight when an endpoint falls silent. */
const MOST = 100
/** What each answer earns: in the long run hedging makes no more than a tenth more calls. */
const EARNED = 0.1

/**
 * How many second calls may be made for slow answers. Where all endpoints are slow, hedging helps nobody and would
 * multiply the calls, until their rate limits are spent on it (B4).
 */
export class HedgeBudget {
  #left = MOST

  earn(): void {
    this.#left = Math.min(MOST, this.#left + EARNED)
  }

  take(): boolean {
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }
}
