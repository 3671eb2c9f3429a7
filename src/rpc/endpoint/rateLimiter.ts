/** Keeps what is sent to one endpoint within what its provider allows. */
export interface RateLimiter {
  /**
   * Resolves when calls may leave, with how many of `calls` may: at least one. Whoever has more asks again, behind
   * those who wait already, so that a large batch holds nobody up for longer than its share.
   * Rejects with the signal's reason when it aborts first, and with `provider_throttled` when the last of the calls
   * would leave too late, or has not left by then.
   */
  acquire(calls: number, signal: AbortSignal, options?: AcquireOptions): Promise<number>
  /** The provider said "too many requests": slow down, and send nothing for as long as it asked. */
  throttled(retryAfterMs: number | undefined): void
  /** Roughly how long `calls` that came now would wait until the last of them has left, in milliseconds. */
  waitMs(calls: number, urgent?: boolean): number
  report(): LimiterReport
  close(): Promise<void>
}

export interface AcquireOptions {
  /**
   * When the request was first asked (monotonic), once a part of it has left: it keeps its place by age, and its
   * whole wait stays within the bound.
   */
  readonly askedAt?: number
  /** Goes before everything that is not: signed payments. */
  readonly urgent?: boolean
}

export interface LimiterReport {
  /** Calls a second as configured, and as the provider takes them now. */
  readonly limit: number
  readonly current: number
  /** Calls that wait. */
  readonly waiting: number
  /** Whether calls have had to wait here just now, which is no fault of the endpoint. */
  readonly heldUp: boolean
}

/** Where a limiter gets room from: so many places a second, each taken for a whole second. */
export interface Places {
  /**
   * Waits for room and takes as much as there is demand for: at least one place, 0 when the demand is gone. The
   * second of a place begins when this resolves. `perSecond` is a whole number from 1 to the limit. One at a time:
   * the next call comes after this has resolved.
   */
  take(demand: Demand, perSecond: number): Promise<number>
  /** Tells others who share the places what a provider's refusal has led to. */
  slowed?(perSecond: number, pauseMs: number): void
  close?(): Promise<void>
}

/** Those who wait, as a source of places sees them. */
export interface Demand {
  /** Calls that wait now. */
  readonly calls: number
  /** Aborts when nobody waits any more. */
  readonly gone: AbortSignal
}
