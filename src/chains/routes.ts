/** How bytes reach a chain: by its ordinary endpoints, where everybody sees them, or by a private relay alone. */
export type Route = 'public' | 'private'

/** Signed bytes for a relay: those that must come before, then the payment. */
export interface Bundle {
  readonly raws: readonly string[]
  /** Number of the newest block. */
  readonly head: bigint
}

/** What came of handing bytes to a relay. None of it is proof of inclusion (R14). */
export type RelayResult = {
  /** Number of the block at which the same bytes are to be handed over again if they are not included by then. */
  readonly again: bigint
} & (
  | { readonly outcome: 'accepted' }
  | {
      /** `withheld`: the relay was not asked to pass them on. `unknown`: it was, and did not say that it does. */
      readonly outcome: 'withheld' | 'unknown'
      /** What it said, for the log. */
      readonly evidence: string
      /** What that means, in our words. */
      readonly reason: string
    }
)

/** A way to block builders past the public pool, for one chain. */
export interface PrivateRelay {
  /** Has the relay simulate the signed bytes, and passes them on only when all of them pass. */
  submit(bundle: Bundle, signal: AbortSignal): Promise<RelayResult>
  /** Asks the relay to forget a lone transaction; whether it said so. It may be in a block all the same. */
  cancel(hash: string, signal: AbortSignal): Promise<boolean>
}

/** Who a relay knows us by. Its key holds no funds and signs nothing but requests to the relay. */
export interface RelayIdentity {
  readonly address: string
  /** The EIP-191 signature of a text, as hex. */
  signMessage(text: string): Promise<string>
}
