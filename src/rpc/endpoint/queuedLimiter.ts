import { BursarError } from '../../errors/bursarError.ts'
import { pause } from '../../primitives/abort.ts'
import { type MetricLabels, type Metrics, silentMetrics } from '../../primitives/metrics.ts'
import type { AdaptiveRate } from './adaptiveRate.ts'
import type { AcquireOptions, Demand, LimiterReport, Places, RateLimiter } from './rateLimiter.ts'

/** Behind more work than this a call is better off at another endpoint. */
const MAX_WAIT_MS = 10_000
/** In one round a request gets a quarter of a second's places before everyone else had theirs. */
const ROUNDS_A_SECOND = 4

export interface QueueOptions {
  readonly host: string
  readonly labels?: MetricLabels
  readonly metrics?: Metrics
}

interface Waiter {
  readonly calls: number
  grant(calls: number): void
  refuse(reason: unknown): void
}

/**
 * The line before the places: first come, first served, in rounds; bounded; a caller that leaves is out of it at
 * once. One loop takes places for everybody who waits, so that what a place costs is shared.
 */
export class QueuedLimiter implements RateLimiter {
  readonly #places: Places
  readonly #rate: AdaptiveRate
  readonly #options: QueueOptions
  readonly #metrics: Metrics
  readonly #labels: MetricLabels
  readonly #urgent = new Set<Waiter>()
  readonly #ordinary = new Set<Waiter>()
  #calls = 0
  #gone = new AbortController()
  #serving = false

  constructor(places: Places, rate: AdaptiveRate, options: QueueOptions) {
    this.#places = places
    this.#rate = rate
    this.#options = options
    this.#metrics = options.metrics ?? silentMetrics
    this.#labels = { host: options.host, ...options.labels }
  }

  acquire(calls: number, signal: AbortSignal, options: AcquireOptions = {}): Promise<number> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const waitMs = this.#waitMs()
    if (waitMs > MAX_WAIT_MS && !options.continued && !options.urgent) {
      this.#metrics.count('rpc_limit_refusals', this.#labels)
      return Promise.reject(new BursarError('provider_busy', { host: this.#options.host, waitMs }))
    }
    return new Promise((resolve, reject) => {
      const since = performance.now()
      const line = options.urgent ? this.#urgent : this.#ordinary
      const leave = () => {
        line.delete(waiter)
        signal.removeEventListener('abort', onAbort)
        this.#calls -= calls
        if (this.#calls === 0) this.#gone.abort()
      }
      const onAbort = () => waiter.refuse(signal.reason)
      const waiter: Waiter = {
        calls,
        grant: (granted) => {
          leave()
          this.#metrics.observe('rpc_limit_wait_seconds', this.#labels, (performance.now() - since) / 1000)
          resolve(granted)
        },
        refuse: (reason) => {
          leave()
          reject(reason)
        },
      }
      signal.addEventListener('abort', onAbort)
      line.add(waiter)
      this.#calls += calls
      void this.#serve()
    })
  }

  throttled(retryAfterMs: number | undefined): void {
    this.#rate.refused(retryAfterMs)
    const { current, pauseMs } = this.#rate
    this.#metrics.count('rpc_throttled', this.#labels)
    this.#metrics.gauge('rpc_rate', this.#labels, current)
    this.#places.slowed?.(current, pauseMs)
  }

  report(): LimiterReport {
    const { limit, current } = this.#rate
    return { limit, current, waiting: this.#calls, waitMs: this.#waitMs() }
  }

  async close(): Promise<void> {
    const closed = new DOMException('the endpoint was closed', 'AbortError')
    for (const waiter of this.#inOrder()) waiter.refuse(closed)
    await this.#places.close?.()
  }

  async #serve(): Promise<void> {
    if (this.#serving) return
    this.#serving = true
    try {
      while (this.#calls > 0) await this.#round()
    } catch (error) {
      for (const waiter of this.#inOrder()) waiter.refuse(error)
    } finally {
      this.#serving = false
    }
  }

  async #round(): Promise<void> {
    if (this.#gone.signal.aborted) this.#gone = new AbortController()
    const { signal } = this.#gone
    if (this.#rate.pauseMs > 0) return pause(this.#rate.pauseMs, signal)
    const calls = () => this.#calls
    const demand: Demand = {
      gone: signal,
      get calls() {
        return calls()
      },
    }
    const taken = await this.#places.take(demand, this.#rate.current)
    // A refusal that came while waiting for room: the places are left to expire.
    if (this.#rate.pauseMs === 0) this.#hand(taken)
  }

  /** Everyone in turn gets up to a round's share; what is left then goes to those who wanted more. */
  #hand(places: number): void {
    const share = Math.ceil(this.#rate.current / ROUNDS_A_SECOND)
    const shares = new Map<Waiter, number>()
    let left = places
    for (const waiter of this.#inOrder()) {
      if (left === 0) break
      const part = Math.min(waiter.calls, share, left)
      shares.set(waiter, part)
      left -= part
    }
    for (const [waiter, part] of shares) {
      const more = Math.min(waiter.calls - part, left)
      left -= more
      waiter.grant(part + more)
    }
  }

  *#inOrder(): Iterable<Waiter> {
    yield* this.#urgent
    yield* this.#ordinary
  }

  #waitMs(): number {
    return Math.round(this.#rate.pauseMs + (this.#calls / this.#rate.current) * 1000)
  }
}
