/** Who asks, and how to reach them while they wait. */
export interface Caller {
  /** Intents and operations belong to the principal that prepared them. `local` over stdio, the token's over HTTP. */
  readonly principal: string
  /** Aborts when the client cancels or vanishes. Operations that were started go on. */
  readonly signal: AbortSignal
  /** Tells a waiting client how far its request has come; does nothing when it did not ask. */
  progress(message: string): void
  /**
   * Asks the person at the client, where that can be done. `asked`: the same request comes again with the answer, so
   * nothing may happen before. An answer is the client's word and no proof: clients may answer by themselves (F4).
   */
  confirm?(question: Question): 'accepted' | 'refused' | 'asked'
}

/** What a person at the client is asked, with yes or no for an answer. */
export interface Question {
  /** Stands for what is asked about, to the last detail: an answer counts for this question only. */
  readonly key: string
  readonly message: string
}
