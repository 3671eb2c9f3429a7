import { CircuitState, ConsecutiveBreaker, circuitBreaker, handleWhen } from 'cockatiel'
import { BursarError, isBursarError } from '../../errors/bursarError.ts'
import type { RateLimiter } from '../endpoint/rateLimiter.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from '../transport.ts'

export interface MemberOptions {
  readonly transport: RpcTransport
  /** Lower is preferred. */
  readonly priority: number
  /** Share of the traffic among members of one priority. */
  readonly weight: number
  /** What the transport waits for; absent: for nothing. */
  readonly limiter?: RateLimiter | undefined
}

export interface MemberReport {
  readonly host: string
  readonly state: 'healthy' | 'lagging' | 'open' | 'probing' | 'wrong-chain'
  /** Exponentially weighted means. */
  readonly latencyMs: number
  readonly errorRate: number
  /** Blocks behind the best head that is known. */
  readonly lag?: number
  /** Calls a second that it may be sent now, where there is a limit. */
  readonly rate?: number
  readonly problem?: string
}

const FAILURES_TO_OPEN = 3
const HALF_OPEN_AFTER_MS = 2_000
/**
 * The library tells the end of a rest by the wall clock: when that is set back by hours the rest lasts for hours (F20).
 * So for the library every rest is over at once, and how long it really is, is counted here.
 */
const NO_REST_OF_ITS_OWN = Number.NEGATIVE_INFINITY
/** Weight of the newest measurement in the means. */
const NEWEST = 0.1

/** One endpoint of a pool: its transport behind a circuit breaker, and what is known of its health. */
export class Member {
  readonly transport: RpcTransport
  readonly priority: number
  readonly weight: number
  latencyMs = 0
  errorRate = 0
  head: bigint | undefined
  /** The newest block that it has claimed, believed or not. */
  claim: bigint | undefined
  /** When that was made, in milliseconds, as it says itself; undefined when it was not asked. */
  claimedTime: number | undefined
  /** It claims a block that is not believed. */
  doubted = false
  problem: string | undefined
  readonly #limiter: RateLimiter | undefined
  readonly #listeners = new Set<(member: Member) => void>()
  #restsUntil = 0
  #openUntil = 0
  readonly #breaker = circuitBreaker(
    handleWhen((error) => error instanceof NotProven || this.#isToBlame(error)),
    {
      breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN),
      halfOpenAfter: NO_REST_OF_ITS_OWN,
    },
  )

  constructor({ transport, priority, weight, limiter }: MemberOptions) {
    this.transport = transport
    this.priority = priority
    this.weight = weight
    this.#limiter = limiter
    this.#breaker.onBreak(() => {
      this.#openUntil = performance.now() + HALF_OPEN_AFTER_MS
      for (const listener of [...this.#listeners]) listener(this)
    })
  }

  /** Told when it is given a rest: whoever waits for it need wait no longer. */
  listen(listener: (member: Member) => void): void {
    this.#listeners.add(listener)
  }

  unlisten(listener: (member: Member) => void): void {
    this.#listeners.delete(listener)
  }

  /** Whether calls may go to it without being a test of whether it is back. */
  get closed(): boolean {
    return this.#breaker.state === CircuitState.Closed && this.#restMs === 0
  }

  /** For how long it wants to be asked nothing; where it has a limiter, that one knows. */
  get #restMs(): number {
    return Math.max(0, this.#restsUntil - performance.now())
  }

  get wrongChain(): boolean {
    return this.problem === 'provider_wrong_chain'
  }

  /** From 0 (useless) to 1 (perfect), by its errors; latency is a matter of hedging. */
  get score(): number {
    return 1 - this.errorRate
  }

  /** Roughly how long so many calls would wait for its rate limit. */
  waitMs(calls: number, urgent = false): number {
    return this.#limiter?.waitMs(calls, urgent) ?? 0
  }

  /** `isLast`: nobody else is left to ask, so that it gets no rest after failures. */
  async send(
    requests: readonly RpcRequest[],
    signal: AbortSignal,
    isLast = false,
  ): Promise<readonly RpcOutcome[]> {
    const { host } = this.transport
    const retryAfterMs = this.#restMs
    if (retryAfterMs > 0) throw new BursarError('provider_throttled', { host, retryAfterMs })
    if (!isLast) this.#refuseWhileResting()
    const started = performance.now()
    try {
      const outcomes = await (isLast && !this.closed
        ? this.#answers(requests, signal)
        : this.#breaker.execute(() => this.#tried(requests, signal)))
      this.#note(performance.now() - started, undefined)
      return outcomes
    } catch (thrown) {
      const error = thrown instanceof NotProven ? thrown.cause : thrown
      if (this.#isToBlame(error)) this.#note(undefined, error)
      if (isBursarError(error, 'provider_throttled')) this.#rest(error.context.retryAfterMs)
      throw error
    }
  }

  #refuseWhileResting(): void {
    if (!this.#isResting) return
    const reason = 'it failed several times and is given a rest'
    throw new BursarError('provider_unreachable', { host: this.transport.host, reason })
  }

  /**
   * The call that tests whether it is back proves that by an answer, and by nothing else. The library takes any error
   * that is not the endpoint's fault for a success: a caller who left would vouch for a black hole.
   */
  async #tried(requests: readonly RpcRequest[], signal: AbortSignal): Promise<readonly RpcOutcome[]> {
    // Those who waited for the outcome of a test that failed.
    this.#refuseWhileResting()
    const isTest = this.#breaker.state !== CircuitState.Closed
    try {
      return await this.#answers(requests, signal)
    } catch (error) {
      throw isTest ? new NotProven(error) : error
    }
  }

  /** What a look at it by itself has shown: why it is not usable, undefined when it is. Decides nothing by itself. */
  saw(error: unknown): void {
    if (error === undefined || countsAgainst(error))
      this.problem = isBursarError(error) ? error.code : undefined
  }

  /** Whether the breaker is open, and it is too early to look whether the endpoint is back. */
  get #isResting(): boolean {
    return this.#breaker.state === CircuitState.Open && performance.now() < this.#openUntil
  }

  /** An endpoint that answers nothing but "internal error" has failed, however politely. */
  async #answers(requests: readonly RpcRequest[], signal: AbortSignal): Promise<readonly RpcOutcome[]> {
    const outcomes = await this.transport.send(requests, signal)
    if (outcomes.length === 0 || !outcomes.every(isInternalError)) return outcomes
    const reason = 'it answers with an internal error'
    throw new BursarError('provider_unreachable', { host: this.transport.host, reason })
  }

  #rest(retryAfterMs: number | undefined): void {
    if (this.#limiter || retryAfterMs === undefined) return
    this.#restsUntil = performance.now() + Math.min(retryAfterMs, MOST_REST_MS)
  }

  /**
   * Another endpoint answered first although this one was asked earlier. Once is chance; again and again it is an
   * endpoint that swallows calls, and the breaker gives it a rest like one that fails. Calls that we held back
   * ourselves prove nothing.
   */
  overtaken(): void {
    if (this.#isResting || this.#limiter?.report().heldUp) return
    const host = this.transport.host
    const slow = new BursarError('provider_unreachable', { host, reason: 'others answer first' })
    this.#breaker.execute(() => Promise.reject(slow)).catch(() => undefined)
    this.#note(undefined, slow)
  }

  report(best: bigint | undefined, maxLag: bigint): MemberReport {
    return {
      host: this.transport.host,
      state: this.#stateName(best, maxLag),
      latencyMs: Math.round(this.latencyMs),
      errorRate: Number(this.errorRate.toFixed(3)),
      ...(this.head === undefined || best === undefined ? {} : { lag: Number(best - this.head) }),
      ...(this.#limiter && { rate: this.#limiter.report().current }),
      ...(this.problem === undefined ? {} : { problem: this.problem }),
    }
  }

  /** Whether its head is too far behind the best one that is known. */
  lags(best: bigint | undefined, maxLag: bigint): boolean {
    return this.head !== undefined && best !== undefined && best - this.head > maxLag
  }

  #stateName(best: bigint | undefined, maxLag: bigint): MemberReport['state'] {
    if (this.wrongChain) return 'wrong-chain'
    if (this.#breaker.state === CircuitState.Open) return 'open'
    if (!this.closed) return 'probing'
    return this.doubted || this.lags(best, maxLag) ? 'lagging' : 'healthy'
  }

  /** What a limiter answers for it slows down and goes round; giving the endpoint a rest besides is too much. */
  #isToBlame(error: unknown): boolean {
    return countsAgainst(error) && !(this.#limiter && isBursarError(error, 'provider_throttled'))
  }

  #note(ms: number | undefined, error: unknown): void {
    this.problem = isBursarError(error) ? error.code : undefined
    this.errorRate += NEWEST * ((ms === undefined ? 1 : 0) - this.errorRate)
    if (ms !== undefined) this.latencyMs += (this.latencyMs === 0 ? 1 : NEWEST) * (ms - this.latencyMs)
  }
}

/** Why a test of whether an endpoint is back has shown nothing. */
class NotProven extends Error {
  constructor(cause: unknown) {
    super('it has not answered', { cause })
  }
}

/** Who asks for more is as good as down. */
const MOST_REST_MS = 60_000
const INTERNAL_ERROR = -32_603

/** Reverts come with this code as well, from some nodes: then they say so, or carry data. */
function isInternalError(outcome: RpcOutcome): boolean {
  if (outcome.ok) return false
  const { code, message, data } = outcome.error
  return (
    code === INTERNAL_ERROR && data === undefined && /^internal (json-rpc |server )?error\b/i.test(message)
  )
}

/**
 * The provider failed. Refusals of the chain are outcomes and never come here; neither do callers who left, nor is it
 * a failure that there is more of an answer than we take.
 */
export function countsAgainst(error: unknown): boolean {
  return isBursarError(error) && error.kind === 'provider' && !isTooLarge(error)
}

/** Whoever is asked may be as generous; one that sends anything at all in any length must not stop the others. */
export const isTooLarge = (error: unknown): boolean => isBursarError(error, 'answer_too_large')
