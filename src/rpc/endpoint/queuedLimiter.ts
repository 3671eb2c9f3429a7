import { BursarError } from '../../errors/bursarError.ts'
import { pause } from '../../primitives/abort.ts'
import { monotonicClock } from '../../primitives/clock.ts'
import { type MetricLabels, type Metrics, silentMetrics } from '../../primitives/metrics.ts'
import type { AdaptiveRate } from './adaptiveRate.ts'
import type { AcquireOptions, Demand, LimiterReport, Places, RateLimiter } from './rateLimiter.ts'
import { RecentCalls } from './recentCalls.ts'

/** Nobody waits for longer, signed payments neither: the caller learns of it while it can still do something else. */
const MAX_WAIT_MS = 10_000
/** A request that has begun to leave in parts has this long from when it was asked: half of it is spent already. */
const MAX_WHOLE_MS = 2 * MAX_WAIT_MS
/** Whoever has waited for so long gets half of all places, so that those who keep coming starve nobody. */
const PRECEDENCE_MS = MAX_WAIT_MS / 2
/** In one round a request gets a quarter of a second's places before everyone else had theirs. */
const ROUNDS_A_SECOND = 4
/** What a limiter itself may take; more is a wait for room. */
const AT_ONCE_MS = 25
/** A call that waited speaks for those that it left with, and they are answered within this. */
const HELD_UP_MS = 1_000

export interface QueueOptions {
  readonly host: string
  readonly labels?: MetricLabels
  readonly metrics?: Metrics
}

interface Waiter {
  readonly calls: number
  /** When its request was asked: a batch that leaves in parts keeps its age. */
  readonly since: number
  /** When it is turned away. */
  readonly until: number
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
  readonly #recent = new RecentCalls()
  #calls = 0
  #heldUpUntil = Number.NEGATIVE_INFINITY
  #shownRate: number
  #gone = new AbortController()
  #serving = false

  constructor(places: Places, rate: AdaptiveRate, options: QueueOptions) {
    this.#places = places
    this.#rate = rate
    this.#options = options
    this.#metrics = options.metrics ?? silentMetrics
    this.#labels = { host: options.host, ...options.labels }
    this.#shownRate = rate.limit
  }

  acquire(calls: number, signal: AbortSignal, options: AcquireOptions = {}): Promise<number> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const now = monotonicClock.now()
    const { askedAt } = options
    const waitMs = askedAt === undefined ? this.waitMs(calls, options.urgent) : 0
    if (waitMs > MAX_WAIT_MS) return Promise.reject(this.#tooLong(waitMs))
    return new Promise((resolve, reject) => {
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
        since: askedAt ?? now,
        until: askedAt === undefined ? now + MAX_WAIT_MS : askedAt + MAX_WHOLE_MS,
        grant: (granted) => {
          leave()
          this.#noteGrant(granted, now)
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
    this.#places.slowed?.(current, pauseMs)
  }

  waitMs(calls: number, urgent = false): number {
    return this.#waitBehind(this.#ahead(calls, urgent) + calls)
  }

  report(): LimiterReport {
    const { limit, current } = this.#rate
    const heldUp = this.#calls > 0 || monotonicClock.now() < this.#heldUpUntil
    return { limit, current, waiting: this.#calls, heldUp }
  }

  async close(): Promise<void> {
    this.#refuseAll(new DOMException('the endpoint was closed', 'AbortError'))
    await this.#places.close?.()
  }

  async #serve(): Promise<void> {
    if (this.#serving) return
    this.#serving = true
    try {
      while (this.#calls > 0) await this.#round()
    } catch (error) {
      this.#refuseAll(error)
    } finally {
      this.#serving = false
    }
  }

  async #round(): Promise<void> {
    if (this.#gone.signal.aborted) this.#gone = new AbortController()
    const { signal } = this.#gone
    const { pauseMs } = this.#rate
    this.#refuseLate(pauseMs)
    if (pauseMs > 0) return pause(pauseMs, signal)
    const calls = () => this.#calls
    const demand: Demand = {
      gone: signal,
      get calls() {
        return calls()
      },
    }
    this.#showRate()
    const taken = await this.#places.take(demand, this.#rate.current)
    // A refusal that came while waiting for room: the places are left to expire.
    if (this.#rate.pauseMs === 0) this.#hand(taken)
  }

  /** Payments first, half of the rest to those who have waited for long, then turns of a round's share. */
  #hand(places: number): void {
    const grants = new Map<Waiter, number>()
    let left = places
    /** Returns how many of `most` it took. */
    const give = (waiter: Waiter, most: number): number => {
      const given = grants.get(waiter) ?? 0
      const part = Math.min(waiter.calls - given, most, left)
      if (part > 0) grants.set(waiter, given + part)
      left -= part
      return part
    }
    for (const waiter of this.#urgent) give(waiter, waiter.calls)
    let reserved = Math.ceil(left / 2)
    for (const waiter of this.#aged()) reserved -= give(waiter, reserved)
    for (const waiter of this.#ordinary) give(waiter, this.#share)
    for (const waiter of this.#ordinary) give(waiter, waiter.calls)
    for (const [waiter, granted] of grants) waiter.grant(granted)
  }

  #aged(): readonly Waiter[] {
    const before = monotonicClock.now() - PRECEDENCE_MS
    return [...this.#ordinary].filter(({ since }) => since < before).sort((a, b) => a.since - b.since)
  }

  /** Turns away those whose time would be over after a pause. */
  #refuseLate(pauseMs: number): void {
    const then = monotonicClock.now() + pauseMs
    for (const waiter of this.#inOrder()) {
      if (waiter.until < then) waiter.refuse(this.#tooLong(this.#waitBehind(waiter.calls)))
    }
  }

  *#inOrder(): Iterable<Waiter> {
    yield* this.#urgent
    yield* this.#ordinary
  }

  get #share(): number {
    return Math.ceil(this.#rate.current / ROUNDS_A_SECOND)
  }

  /** Calls that leave before the last of `calls` does: turns are taken, so a large batch counts by its turns. */
  #ahead(calls: number, urgent = false): number {
    const turns = Math.ceil(calls / this.#share)
    const waiters = this.#urgent.size + (urgent ? 0 : this.#ordinary.size)
    return Math.min(this.#calls, waiters * turns * this.#share)
  }

  #waitBehind(calls: number): number {
    const { pauseMs, current } = this.#rate
    return Math.round(pauseMs + this.#recent.waitMs(calls, current, monotonicClock.now() + pauseMs))
  }

  #refuseAll(reason: unknown): void {
    for (const waiter of this.#inOrder()) waiter.refuse(reason)
  }

  #tooLong(waitMs: number): BursarError {
    this.#metrics.count('rpc_limit_refusals', this.#labels)
    return new BursarError('provider_throttled', { host: this.#options.host, retryAfterMs: waitMs })
  }

  #noteGrant(calls: number, since: number): void {
    const now = monotonicClock.now()
    this.#recent.note(calls, now)
    if (now - since > AT_ONCE_MS) this.#heldUpUntil = now + HELD_UP_MS
    this.#metrics.observe('rpc_limit_wait_seconds', this.#labels, (now - since) / 1000)
  }

  #showRate(): void {
    const { current } = this.#rate
    if (current === this.#shownRate) return
    this.#shownRate = current
    this.#metrics.gauge('rpc_rate', this.#labels, current)
  }
}
