/** A step that needs a nonce, and the lane it is in. */
export interface NonceClaim {
  readonly id: string
  readonly chain: string
  readonly account: string
}

/**
 * Gives out nonces, once each (R4). The journal's table implements it; whatever accelerates it later, that table
 * stays the fence.
 */
export interface NonceStore {
  /** The same nonce for the same step, however often it is asked. `floor` is the count of mined transactions. */
  reserve(step: NonceClaim, floor: bigint): Promise<bigint>
}
