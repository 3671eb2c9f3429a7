/** What user operations of one step are looked for by: no node knows them by their hashes. */
export interface OperationTrace {
  readonly entryPoint: string
  /** That they have at the entry point. */
  readonly nonce: bigint
  /** Number of the block that the oldest of them was simulated at. */
  readonly since: bigint
}

/** A nonce that is used, and the transactions of ours of which one was to use it. */
export interface NonceUse {
  readonly account: string
  readonly nonce: bigint
  readonly hashes: readonly string[]
  /** Number of the newest block whose uses are final. */
  readonly newest: bigint
  /** Present when they are user operations. */
  readonly operation?: OperationTrace
}

/** The transaction that used a nonce of an account. */
export interface NonceUser {
  readonly hash: string
  /** It does what the payload does: whom it calls, with what and for how much. */
  readonly isPayload: boolean
}
