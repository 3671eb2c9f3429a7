/** The transactions of one account on one chain, which the chain takes in the order of their nonces. */
export interface Lane {
  /** CAIP-2 id. */
  readonly chain: string
  readonly account: string
}

/**
 * How many transactions of a lane may be unmined at a time. Nodes drop what lies far beyond the next nonce; what waits
 * here instead is signed later, at a fee and after a simulation of then.
 */
export const MOST_IN_FLIGHT = 256

/** A nonce that the journal says a step holds; one that is `signed` may be on its way, or mined. */
export interface HeldNonce {
  readonly nonce: bigint
  readonly step: string
  readonly state: 'reserved' | 'signed'
}
