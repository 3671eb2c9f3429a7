import type { PayloadCodec, SignedTransaction } from '../chains/adapter.ts'
import type { SigningOrder } from '../chains/simulationReceipt.ts'

/**
 * Who acts for an account, by what it can do. This one signs transactions, and nothing else: there is no way to have a
 * bare hash or a message signed.
 */
export interface TransactionSigner {
  readonly can: 'sign'
  /** Canonical address of the account. */
  readonly account: string
  /**
   * Where signatures are made. What is made `elsewhere` may exist without having reached us, when an answer is lost: the
   * same transaction is not to be signed at another nonce, then.
   */
  readonly made: 'here' | 'elsewhere'
  /**
   * Resolves when it can sign, so that what takes time, or does not work, is known before anything is reserved. Throws
   * `wallet_locked`, and what is wrong with a keystore.
   */
  ready(): Promise<void>
  /** Signs for a contract account that it owns, and for nothing else; absent where nobody can be asked for that. */
  readonly forAccount?: (address: string) => TransactionSigner
  /** Signs the order after checking its receipt against it (R1). Throws `receipt_refused` and what the signer says. */
  sign(order: SigningOrder, codec: PayloadCodec): Promise<SignedTransaction>
}

export type Signer = TransactionSigner
