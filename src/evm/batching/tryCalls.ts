import type { Hex } from 'viem'
import { decodeFunctionResult } from 'viem'
import type { ChainClient } from '../../rpc/chainClient.ts'
import { multicall3Abi } from '../calls/abi.ts'
import { decodeRevert, type Revert } from '../calls/reverts.ts'
import { toQuantity } from '../quantity.ts'
import type { Task } from '../simulation/execution.ts'
import { readUnpriced, unpricedRequest } from '../simulation/simulateV1.ts'
import { placeOf } from './draftCalls.ts'
import { type PackedCall, packCalls, unpackCalls } from './multicall3.ts'

/** What a call of a batch came to. */
export interface CallResult {
  readonly success: boolean
  readonly returnData: Hex
}

/**
 * What calls come to when they are made in the place of those of a task's payload, each by the same Multicall3 with the
 * same value, after what the task comes after. Undefined when nobody could tell, or when one failed that may not.
 */
export async function tryCalls(
  { payload, before, at }: Task,
  calls: readonly PackedCall[],
  client: ChainClient,
  signal: AbortSignal,
): Promise<readonly CallResult[] | undefined> {
  const { from, to, value } = payload
  const call = { from, to, value: toQuantity(BigInt(value)), input: packCalls(calls) }
  // What waits comes first, and only eth_simulateV1 lets it.
  const request =
    before.length === 0 ? { method: 'eth_call', params: [call, at] } : unpricedRequest(before, [call], at)
  const [outcome] = await client.batch([request], signal)
  if (!outcome?.ok) return undefined
  const data = before.length === 0 ? outcome.result : readUnpriced(outcome, client.host)?.at(-1)?.returnData
  try {
    return decodeFunctionResult({ abi: multicall3Abi, functionName: 'aggregate3Value', data: data as Hex })
  } catch {
    // It reverted as a whole, or what answers there is no Multicall3.
    return undefined
  }
}

/**
 * Why a batch fails: Multicall3 itself says no more than that a call did. Undefined when the payload is no batch, or
 * none of its calls fails by itself.
 */
export async function failedCall(
  task: Task,
  multicall3: Hex | undefined,
  client: ChainClient,
  signal: AbortSignal,
): Promise<Revert | undefined> {
  const calls = unpackCalls(task.payload, multicall3)
  if (!calls) return undefined
  const lenient = calls.map((call) => ({ ...call, mayFail: true }))
  const results = await tryCalls(task, lenient, client, signal)
  const index = calls.findIndex(({ mayFail }, at) => !mayFail && results?.[at]?.success === false)
  const [call, result] = [calls[index], results?.[index]]
  if (!call || !result) return undefined
  const { reason, quoted } = decodeRevert(result.returnData)
  return { reason: `${placeOf(index)} to ${call.to}, ${reason}; ${WHOSE_RIGHTS}`, ...(quoted && { quoted }) }
}

const WHOSE_RIGHTS =
  'in a batch the caller is Multicall3, which has no tokens, allowances or rights of the account'
