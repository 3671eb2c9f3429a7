import type { BlockRef } from '../primitives/chainRef.ts'

/** Whose address a name is, as a chain that keeps names told it. */
export interface NameRecord {
  /** Normalised. */
  readonly name: string
  /** The key of its record. */
  readonly node: string
  /** The contract that keeps it. */
  readonly resolver: string
  readonly address: string
  readonly block: BlockRef
}
