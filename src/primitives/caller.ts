/** Who asks, and how to reach them while they wait. */
export interface Caller {
  /** Intents and operations belong to the principal that prepared them. `local` over stdio. */
  readonly principal: string
  /** Aborts when the client cancels or vanishes. Operations that were started go on. */
  readonly signal: AbortSignal
  /** Tells a waiting client how far its request has come; does nothing when it did not ask. */
  progress(message: string): void
}
