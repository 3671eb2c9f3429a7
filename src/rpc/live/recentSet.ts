/** Remembers the newest `max` values, and no more. */
export class RecentSet {
  readonly #max: number
  readonly #values = new Set<string>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#values.size
  }

  /** Whether the value is new, as far as memory reaches. */
  add(value: string): boolean {
    if (this.#values.has(value)) return false
    this.#values.add(value)
    if (this.#values.size > this.#max) {
      const oldest = this.#values.values().next()
      if (!oldest.done) this.#values.delete(oldest.value)
    }
    return true
  }
}
