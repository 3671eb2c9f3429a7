import type { Hex } from 'viem'
import type { Payload } from '../chains/adapter.ts'

/**
 * A call, creation excluded, without nonce and fees: what a simulation receipt is bound to (R1). An EIP-1559
 * transaction, or a user operation.
 */
export interface EvmPayload extends Payload {
  readonly family: 'evm'
  readonly from: Hex
  readonly to: Hex
  /** Wei, decimal. */
  readonly value: string
  readonly data: Hex
  readonly accessList: readonly { readonly address: Hex; readonly storageKeys: readonly Hex[] }[]
  /** Gas units, decimal. Of a user operation, all that it may use. */
  readonly gasLimit: string
  /**
   * Present when it is a user operation (ERC-4337): `from` is then a contract account, and `to` the same, which is called
   * with `data` by its entry point.
   */
  readonly userOperation?: UserOperationTerms
  /** Present when it runs within another's transaction, and pays for nothing: only what is simulated has it. */
  readonly unpaid?: true
}

/** What is signed of a user operation besides its call. Gas in units, decimal. */
export interface UserOperationTerms {
  readonly entryPoint: Hex
  /** What deploys the account first; absent when it is there. */
  readonly factory?: { readonly address: Hex; readonly data: Hex }
  readonly verificationGasLimit: string
  readonly callGasLimit: string
  readonly preVerificationGas: string
}

export function asEvmPayload(payload: Payload): EvmPayload {
  if (payload.family !== 'evm') throw new TypeError(`not an EVM payload: ${payload.family}`)
  return payload as EvmPayload
}
