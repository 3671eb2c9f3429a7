export interface BackoffOptions {
  readonly minMs: number
  readonly maxMs: number
  /** Uniform in [0, 1). */
  readonly random?: () => number
}

/**
 * Waits between tries that double up to a bound. Each is drawn from the upper half of its range, so that many who
 * lost the same server neither come back at the same moment nor at once.
 */
export class Backoff {
  readonly #options: BackoffOptions
  #tries = 0

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  /** Milliseconds to wait before the next try. */
  next(): number {
    const { minMs, maxMs, random = Math.random } = this.#options
    // The exponent is bounded, or it would overflow to a wait that no timer takes.
    const range = Math.min(maxMs, minMs * 2 ** Math.min(this.#tries++, 30))
    return range / 2 + (range / 2) * random()
  }

  reset(): void {
    this.#tries = 0
  }
}
