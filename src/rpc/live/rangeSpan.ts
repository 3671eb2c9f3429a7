/** Answers at the ceiling after which a higher one is tried. */
const PATIENCE = 16

/**
 * How many blocks one eth_getLogs asks for. Providers bound it by blocks, by results or by time, and say so in words
 * that differ: any refusal halves it, and lowers how far it grows again.
 */
export class RangeSpan {
  readonly #max: number
  #ceiling: number
  #size: number
  #accepted = 0

  constructor(max: number) {
    this.#max = max
    this.#ceiling = max
    this.#size = max
  }

  get size(): number {
    return this.#size
  }

  /** The provider said no to a range of so many blocks. */
  refused(asked: number): void {
    this.#accepted = 0
    this.#size = Math.max(1, Math.floor(asked / 2))
    this.#ceiling = this.#size
  }

  /** No answer came: it may have been too much, or just an outage. */
  failed(): void {
    this.#accepted = 0
    this.#size = Math.max(1, Math.floor(this.#size / 2))
  }

  accepted(): void {
    if (this.#size < this.#ceiling) {
      this.#size = Math.min(this.#ceiling, this.#size * 2)
    } else if (this.#size < this.#max && ++this.#accepted >= PATIENCE) {
      this.#accepted = 0
      this.#ceiling = Math.min(this.#max, this.#ceiling * 2)
      this.#size = this.#ceiling
    }
  }
}
