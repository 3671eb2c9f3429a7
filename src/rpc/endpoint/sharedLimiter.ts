import { pause } from '../../primitives/abort.ts'
import { monotonicClock } from '../../primitives/clock.ts'
import { type Logger, silentLogger } from '../../primitives/logger.ts'
import { type MetricLabels, type Metrics, silentMetrics } from '../../primitives/metrics.ts'
import type { SharedCalls, SharedGrant } from '../../primitives/sharedCalls.ts'
import type { AdaptiveRate } from './adaptiveRate.ts'
import type { Demand, Places } from './rateLimiter.ts'

export interface SharedPlacesOptions {
  readonly shared: SharedCalls
  /** What is counted together: the same in every process that uses the same key on the same chain. */
  readonly scope: string
  /** Counts for this process alone while the shared count is out of reach. */
  readonly local: Places
  readonly rate: AdaptiveRate
  readonly labels?: MetricLabels
  readonly logger?: Logger
  readonly metrics?: Metrics
}

/** What was granted before the loss is still inside somebody's second. */
const CLEAR_MS = 1_020
/** Long enough for every process to have come back to the shared count: reconnects are at most a second apart. */
const RETURN_MS = 3_000
/** Says "I am here", so that those who lose the shared count know by how many to divide. */
const PRESENCE_MS = 10_000
const LOOK_MS = 500
/** One that is lost again and again is looked for less often: each loss costs a second without calls. */
const LONGEST_LOOK_MS = 30_000
const STABLE_MS = 60_000

/**
 * Room that several processes share. When the shared count is lost each goes on with an equal share of the limit,
 * after a second in which what all of them were granted runs out; when it is back, each keeps to its share as well
 * until the others must have returned too. So the limit holds on the way out and on the way back. What it cannot
 * hold against is one process that is cut off while the others are not: it adds its share until it is back, and
 * the provider's own refusals bound that.
 */
export class SharedPlaces implements Places {
  readonly #options: SharedPlacesOptions
  readonly #logger: Logger
  readonly #metrics: Metrics
  /** Until somebody has counted, a process must not assume that it is alone. */
  #members = 2
  #joined = false
  #lostAt: number | undefined
  #withinShareUntil = Number.NEGATIVE_INFINITY
  #backAt = Number.NEGATIVE_INFINITY
  #lookMs = LOOK_MS
  #timer: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: SharedPlacesOptions) {
    this.#options = options
    this.#logger = options.logger ?? silentLogger
    this.#metrics = options.metrics ?? silentMetrics
    this.#lookIn(PRESENCE_MS)
  }

  async take(demand: Demand, perSecond: number): Promise<number> {
    const { local } = this.#options
    if (this.#lostAt === undefined) {
      const granted = await this.#takeShared(demand, perSecond)
      if (granted !== undefined) return granted
    }
    const opensAt = (this.#lostAt ?? 0) + CLEAR_MS
    await pause(Math.max(0, opensAt - monotonicClock.now()), demand.gone)
    return demand.gone.aborted ? 0 : local.take(demand, this.#share(perSecond))
  }

  slowed(perSecond: number, pauseMs: number): void {
    if (this.#lostAt !== undefined) return
    const { shared, scope } = this.#options
    shared.slowDown(scope, perSecond, pauseMs).catch((error: unknown) => this.#lost(error))
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    const { shared, scope, local } = this.#options
    if (this.#joined && this.#lostAt === undefined) await shared.leave(scope).catch(() => undefined)
    await local.close?.()
  }

  /** Undefined when the shared count is lost. */
  async #takeShared(demand: Demand, perSecond: number): Promise<number | undefined> {
    while (!demand.gone.aborted) {
      const returning = monotonicClock.now() < this.#withinShareUntil
      // Places of the share that the shared count then refuses expire unused: they are only a bound.
      const most = returning ? await this.#options.local.take(demand, this.#share(perSecond)) : perSecond
      if (most === 0) return 0
      const grant = await this.#ask(Math.min(demand.calls, most, perSecond), perSecond)
      if (!grant) return undefined
      // A pause is the limiter's to keep.
      if (grant.granted > 0 || grant.pauseMs > 0) return grant.granted
      await pause(Math.max(1, grant.retryInMs), demand.gone)
    }
    return 0
  }

  async #ask(calls: number, perSecond: number): Promise<SharedGrant | undefined> {
    const { shared, scope, rate } = this.#options
    try {
      const grant = await shared.take(scope, calls, perSecond)
      // A count that has just come back has not heard of everyone yet.
      const settled = this.#lostAt === undefined && monotonicClock.now() >= this.#withinShareUntil
      this.#members = Math.max(1, grant.members, settled ? 1 : this.#members)
      rate.adopt(grant.perSecond)
      if (grant.pauseMs > 0) rate.pauseFor(grant.pauseMs)
      if (this.#joined && !grant.remembered && this.#lostAt === undefined) {
        // Wiped or restarted: what it counted is gone, and what it grants now would come on top.
        return this.#lost(new Error('the shared count was forgotten'))
      }
      this.#joined = true
      return grant
    } catch (error) {
      return this.#lost(error)
    }
  }

  #share(perSecond: number): number {
    return Math.max(1, Math.floor(perSecond / this.#members))
  }

  #lost(error: unknown): undefined {
    if (this.#lostAt !== undefined || this.#closed) return
    const now = monotonicClock.now()
    this.#lookMs = now - this.#backAt < STABLE_MS ? Math.min(2 * this.#lookMs, LONGEST_LOOK_MS) : LOOK_MS
    this.#lostAt = now
    const { rate, labels } = this.#options
    this.#metrics.gauge('rpc_limit_shared', labels ?? {}, 0)
    this.#metrics.count('rpc_limit_lost', labels ?? {})
    this.#logger.warn('rate limit is no longer shared: each process keeps to its share', {
      ...labels,
      perSecond: this.#share(rate.limit),
      members: this.#members,
      reason: error instanceof Error ? error.message : 'unknown',
    })
    this.#lookIn(this.#lookMs)
  }

  #lookIn(ms: number): void {
    clearTimeout(this.#timer)
    if (this.#closed) return
    this.#timer = setTimeout(() => void this.#look(), ms)
    this.#timer.unref()
  }

  /** Keeps the membership alive, and finds out when a lost count is back. */
  async #look(): Promise<void> {
    const grant = await this.#ask(0, this.#options.rate.current)
    if (grant && this.#lostAt !== undefined) {
      this.#lostAt = undefined
      this.#backAt = monotonicClock.now()
      this.#withinShareUntil = this.#backAt + RETURN_MS
      this.#metrics.gauge('rpc_limit_shared', this.#options.labels ?? {}, 1)
      this.#logger.info('rate limit is shared again', this.#options.labels)
    }
    this.#lookIn(this.#lostAt === undefined ? PRESENCE_MS : this.#lookMs)
  }
}
