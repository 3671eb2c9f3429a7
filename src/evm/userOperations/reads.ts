import { encodeFunctionData, type Hex } from 'viem'
import { BursarError } from '../../errors/bursarError.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import type { UserOperationTerms } from '../evmPayload.ts'
import { asHex } from '../quantity.ts'
import { entryPointAbi } from './userOperation.ts'

/** Who pays, and by which entry point if it is a contract account. */
export interface Payer {
  readonly from: Hex
  readonly userOperation?: Pick<UserOperationTerms, 'entryPoint'>
}

/** The nonce that the next operation of the account has; the entry point counts it, in the sequence of key 0. */
export function nonceRequest(account: Hex, entryPoint: Hex, at: unknown): RpcRequest {
  const data = encodeFunctionData({ abi: entryPointAbi, functionName: 'getNonce', args: [account, 0n] })
  return { method: 'eth_call', params: [{ to: entryPoint, data }, at] }
}

/** The answer to `nonceRequest`. Throws `entry_point_missing` where nobody gave one. */
export function nonceTold(outcome: RpcOutcome | undefined, client: ChainClient): bigint {
  return wordTold(outcome, client)
}

/** The last two of an account's reads: whether it is deployed, and what it has at its entry point. */
export function accountRequests({ from, userOperation }: Payer, at: unknown): readonly RpcRequest[] {
  if (!userOperation) return []
  return [{ method: 'eth_getCode', params: [from, at] }, depositRequest({ from, userOperation }, at)]
}

export function depositRequest({ from, userOperation }: Payer, at: unknown): RpcRequest {
  const data = encodeFunctionData({ abi: entryPointAbi, functionName: 'balanceOf', args: [from] })
  return { method: 'eth_call', params: [{ to: userOperation?.entryPoint, data }, at] }
}

/** What the entry point keeps for the account to pay fees with, in wei. `reads` end with those of `accountRequests`. */
export function depositTold(reads: readonly RpcOutcome[], client: ChainClient): bigint {
  return wordTold(reads.at(-1), client)
}

function wordTold(outcome: RpcOutcome | undefined, client: ChainClient): bigint {
  const word = asHex(resultOf(outcome, 'eth_call', client), 'what the entry point tells', client.host)
  if (word.length === 66) return BigInt(word)
  throw new BursarError('accounts_unavailable', { what: 'entry point' }, { chain: client.chain })
}
