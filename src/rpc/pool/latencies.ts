/** How many of the newest measurements a quantile is taken from. */
const WINDOW = 128
/** Fewer say nothing about a tail. */
const ENOUGH = 8

/** The newest latencies of one kind of call, in milliseconds. */
class Latencies {
  readonly #values: number[] = []
  #next = 0

  add(ms: number): void {
    this.#values[this.#next] = ms
    this.#next = (this.#next + 1) % WINDOW
  }

  quantile(q: number): number | undefined {
    if (this.#values.length < ENOUGH) return undefined
    const sorted = [...this.#values].sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))]
  }
}

/** Latencies by method; a batch counts under the method of its first call. */
export class LatencyBook {
  readonly #byMethod = new Map<string, Latencies>()
  /** The quantile is asked for on every call and changes slowly. */
  readonly #p95 = new Map<string, { readonly ms: number | undefined; readonly uses: number }>()

  add(method: string, ms: number): void {
    const known = this.#byMethod.get(method)
    const latencies = known ?? new Latencies()
    if (!known) this.#byMethod.set(method, latencies)
    latencies.add(ms)
  }

  p95(method: string): number | undefined {
    const cached = this.#p95.get(method)
    if (cached && cached.uses < 32) {
      this.#p95.set(method, { ...cached, uses: cached.uses + 1 })
      return cached.ms
    }
    const ms = this.#byMethod.get(method)?.quantile(0.95)
    this.#p95.set(method, { ms, uses: 0 })
    return ms
  }
}
