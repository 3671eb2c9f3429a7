/** The chain as every answer and every error names it (A4). */
export interface ChainRef {
  /** CAIP-2 id. */
  readonly id: string
  readonly name: string
  /** Symbol of the native token. */
  readonly native: string
  /** Present and true on sandbox chains: nothing there has value. */
  readonly sandbox?: true
}

/** The block at which a read was true (R12). */
export interface BlockRef {
  readonly number: string
  readonly hash: string
  /** Seconds since the Unix epoch, as the chain says. */
  readonly timestamp: number
}
