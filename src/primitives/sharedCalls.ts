/** A count of calls that several processes keep together, so that all of them stay within one limit. */
export interface SharedCalls {
  /**
   * Takes places for up to `calls` calls that leave at once, under `perSecond` calls in any second over all members.
   * Zero calls only say "I am here". Rejects when the count cannot be reached in time.
   */
  take(scope: string, calls: number, perSecond: number): Promise<SharedGrant>
  /** Tells the other members what the provider said: no more than this, and nothing for a while. */
  slowDown(scope: string, perSecond: number, pauseMs: number): Promise<void>
  /** Gives up membership, so that the others' shares grow. */
  leave(scope: string): Promise<void>
}

export interface SharedGrant {
  /** Calls that may leave now. */
  readonly granted: number
  /** When nothing was granted: how long until it is worth asking again. */
  readonly retryInMs: number
  /** Processes that share the limit, this one included. */
  readonly members: number
  /** Whether this process was counted as a member before: if it should have been, the count was lost. */
  readonly remembered: boolean
  /** What the members agreed on after a refusal; at most the limit. */
  readonly perSecond: number
  /** How much of a pause that a provider asked for is left. */
  readonly pauseMs: number
}
