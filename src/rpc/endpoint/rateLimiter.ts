/** Keeps what is sent to one endpoint within what its provider allows. */
export interface RateLimiter {
  /**
   * Resolves when calls may leave, with how many of `calls` may: at least one. Whoever has more asks again, behind
   * those who wait already, so that a large batch holds nobody up for longer than its share.
   * Rejects with the signal's reason when it aborts first, and with `provider_busy` when the wait would be too long.
   */
  acquire(calls: number, signal: AbortSignal, options?: AcquireOptions): Promise<number>
  /** The provider said "too many requests": slow down, and send nothing for as long as it asked. */
  throttled(retryAfterMs: number | undefined): void
  report(): LimiterReport
  close(): Promise<void>
}

export interface AcquireOptions {
  /** A part of the same request has left: it is not turned away half way. */
  readonly continued?: boolean
  /** Goes before everything else and is never turned away: signed payments. */
  readonly urgent?: boolean
}

export interface LimiterReport {
  /** Calls a second as configured, and as the provider takes them now. */
  readonly limit: number
  readonly current: number
  /** Calls that wait. */
  readonly waiting: number
  /** How long a call that came now would wait, roughly. */
  readonly waitMs: number
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
