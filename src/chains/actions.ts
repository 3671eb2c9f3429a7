/** What a caller wants to do, before anything is resolved against a chain. */
export interface Action {
  /** Recipient, or the contract to call. */
  readonly to: string
  /**
   * How much of `asset`, in whole units. Transfer: what is sent. Call: native tokens to send along, or tokens that the
   * contract may take.
   */
  readonly amount?: string
  /** "native", a registry symbol or a token address. */
  readonly asset?: string
  /** Human-readable signature, such as `approve(address,uint256)`. */
  readonly function?: string
  /** One text per parameter; arrays and tuples as JSON text. */
  readonly args?: readonly string[]
  /** Raw calldata, instead of `function` and `args`. */
  readonly data?: string
}

/** Several actions in one transaction. */
export interface Batch {
  readonly actions: readonly Action[]
  /** The contract account of the payer that does them, with what it holds; where it is absent, nobody's contract does. */
  readonly through?: string
}
