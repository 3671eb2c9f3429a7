import type { Lane } from '../primitives/lanes.ts'

/** A step that needs a nonce, and the lane it is in. */
export interface NonceClaim extends Lane {
  readonly id: string
}

/**
 * Gives out nonces, once each (R4): free, then reserved, signed, sent and mined. The journal's table implements it,
 * and Redis in front of that table; whatever Redis says, the table stays the fence, because signed bytes are recorded
 * there under their nonce before anybody sees them.
 */
export interface NonceStore {
  /** Throws `nonces_unavailable` when nothing is given out now: better known before anything is begun. */
  ready(chain: string): Promise<void>
  /**
   * The same nonce for the same step, however often and from whichever process it is asked, until it is released or
   * its reservation runs out: the lowest at or above `floor` that no other step holds. `floor` is the count of mined
   * transactions, or more where the step comes after others. Throws `lane_full` when too many above it are held.
   */
  reserve(step: NonceClaim, floor: bigint): Promise<bigint>
  /** The journal has signed bytes of the step at this nonce. Never rejects: the journal knows it in any case. */
  recorded(step: NonceClaim, nonce: bigint): Promise<void>
  /** The journal refused signed bytes at this nonce (`nonce_taken`): it is not to be given to the step again. */
  refused(step: NonceClaim, nonce: bigint): Promise<void>
  /** Frees what is merely reserved. What was signed is never freed. */
  release(step: NonceClaim): Promise<void>
}
