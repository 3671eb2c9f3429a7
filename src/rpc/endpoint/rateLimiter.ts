/** Keeps what is sent to one endpoint within what its provider allows. */
export interface RateLimiter {
  /** The most calls that one acquisition may ask for. */
  readonly burst: number
  /** Resolves when that many calls may leave now; rejects with the signal's reason when it aborts first. */
  acquire(calls: number, signal: AbortSignal): Promise<void>
  /** The provider said "too many requests": slow down, and send nothing for as long as it asked. */
  throttled(retryAfterMs: number | undefined): void
}
