import type { Hex } from 'viem'
import type { EvmPayload } from '../evmPayload.ts'
import { intrinsicGas } from './gasLimits.ts'
import { SENDER_CREATOR } from './smartAccount.ts'

// How a user operation runs inside of the transaction that brings it, as calls of their own: the entry point has its
// helper deploy the account, and calls the account with what is left to be done. Neither pays for itself.

/** What deploys the account of an operation; nothing where it is there. */
export function deploymentRun(payload: EvmPayload): readonly EvmPayload[] {
  const { userOperation } = payload
  if (!userOperation?.factory) return []
  const { factory, verificationGasLimit } = userOperation
  const run = {
    ...{ from: SENDER_CREATOR, to: factory.address, data: factory.data },
    gasLimit: asTransaction(verificationGasLimit, factory.data),
  }
  return [{ family: 'evm', chain: payload.chain, value: '0', accessList: [], unpaid: true, ...run }]
}

/** Who calls what with how much gas when a payload runs; itself where it is a transaction. */
export function runOf(payload: EvmPayload): EvmPayload {
  const { userOperation, ...call } = payload
  if (!userOperation) return payload
  const gasLimit = asTransaction(userOperation.callGasLimit, payload.data)
  return { ...call, from: userOperation.entryPoint, gasLimit, unpaid: true }
}

/** A call that is simulated is a transaction, which takes gas before it begins. */
function asTransaction(gas: string, data: Hex): string {
  return (BigInt(gas) + intrinsicGas(data)).toString()
}
