import type { Hex } from 'viem'
import type { Payload } from '../chains/adapter.ts'

/** An EIP-1559 call, creation excluded, without nonce and fees: what a simulation receipt is bound to (R1). */
export interface EvmPayload extends Payload {
  readonly family: 'evm'
  readonly from: Hex
  readonly to: Hex
  /** Wei, decimal. */
  readonly value: string
  readonly data: Hex
  readonly accessList: readonly { readonly address: Hex; readonly storageKeys: readonly Hex[] }[]
  /** Gas units, decimal. */
  readonly gasLimit: string
}

export function asEvmPayload(payload: Payload): EvmPayload {
  if (payload.family !== 'evm') throw new TypeError(`not an EVM payload: ${payload.family}`)
  return payload as EvmPayload
}
