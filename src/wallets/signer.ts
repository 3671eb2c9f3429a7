import type { PayloadCodec, SignedTransaction } from '../chains/adapter.ts'
import type { SigningOrder } from '../chains/simulationReceipt.ts'

/** A key that signs transactions, and nothing else: there is no way to sign a bare hash or message with it. */
export interface Signer {
  /** Canonical address of the account. */
  readonly account: string
  /** Signs the order after checking its receipt against it (R1). Throws `receipt_refused`. */
  sign(order: SigningOrder, codec: PayloadCodec): Promise<SignedTransaction>
}
