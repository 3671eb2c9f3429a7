import { BursarError } from '../../errors/bursarError.ts'
import type { RpcRequest } from '../../rpc/transport.ts'
import type { EvmDraft } from '../draft.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { toQuantity } from '../quantity.ts'
import type { EvmHead } from '../reads/blocks.ts'

/** What a plain transfer to an account without code costs on chains that charge execution only. */
export const PLAIN_TRANSFER_GAS = 21_000n

/** The most that a transaction may ask for where EIP-7825 holds. */
const TRANSACTION_GAS_CAP = 1n << 24n

export function estimateRequest(draft: EvmDraft): RpcRequest {
  const call = { from: draft.from, to: draft.callTo, value: toQuantity(draft.value), input: draft.data }
  return { method: 'eth_estimateGas', params: [call, 'latest'] }
}

export function draftPayload(draft: EvmDraft, gasLimit: bigint): EvmPayload {
  return {
    family: 'evm',
    chain: draft.chain,
    from: draft.from,
    to: draft.callTo,
    value: draft.value.toString(),
    data: draft.data,
    accessList: [],
    gasLimit: gasLimit.toString(),
  }
}

/** Throws `gas_above_block`: no block could include it, and it would hold up every later payment of the account. */
export function requireRoom(gas: bigint, head: EvmHead, chain: string): void {
  if (gas <= head.gasLimit) return
  throw new BursarError(
    'gas_above_block',
    { gas: gas.toString(), limit: head.gasLimit.toString() },
    { chain },
  )
}

/**
 * A fifth on top, rounded up: state may move between now and inclusion. Not above what a block holds, nor above
 * EIP-7825's cap for what fits below it: the margin must not be what makes a transaction unacceptable.
 */
export function gasLimitFor(gas: bigint, head: EvmHead): bigint {
  if (gas === PLAIN_TRANSFER_GAS) return gas
  const buffered = (gas * 12n + 9n) / 10n
  const most = gas <= TRANSACTION_GAS_CAP ? mostOf(head) : head.gasLimit
  return buffered < most ? buffered : most
}

/** The most gas that a transaction may have which has to fit everywhere. */
export function mostOf({ gasLimit }: EvmHead): bigint {
  return gasLimit < TRANSACTION_GAS_CAP ? gasLimit : TRANSACTION_GAS_CAP
}
