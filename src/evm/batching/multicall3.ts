import { decodeFunctionData, encodeFunctionData, type Hex } from 'viem'
import type { Chain } from '../../chains/types.ts'
import { checksum } from '../address.ts'
import { multicall3Abi } from '../calls/abi.ts'
import type { EvmPayload } from '../evmPayload.ts'

// Multicall3 (github.com/mds1/multicall3) makes calls for anybody. The contracts that it calls see it as their caller,
// and it keeps nothing for anybody: what is left in it, and what it is allowed to take, is everybody's.

/** One call that Multicall3 makes. */
export interface PackedCall {
  readonly to: Hex
  /** Wei that it hands over. */
  readonly value: bigint
  readonly data: Hex
  /** The others are made even if it fails. */
  readonly mayFail?: boolean
}

/** Where it is on a chain; undefined where the registry knows none. */
export function multicall3Of({ contracts }: Chain): Hex | undefined {
  const { multicall3 } = contracts
  return multicall3 === undefined ? undefined : checksum(multicall3)
}

/** Calldata of `aggregate3Value`; what it hands over must come with it, to the wei. */
export function packCalls(calls: readonly PackedCall[]): Hex {
  const packed = calls.map(({ to, value, data, mayFail = false }) => {
    return { target: to, allowFailure: mayFail, value, callData: data }
  })
  return encodeFunctionData({ abi: multicall3Abi, functionName: 'aggregate3Value', args: [packed] })
}

/** The calls of a payload that is a batch for the Multicall3 at `multicall3`; undefined when it is none. */
export function unpackCalls(
  { to, data }: Pick<EvmPayload, 'to' | 'data'>,
  multicall3: Hex | undefined,
): readonly PackedCall[] | undefined {
  if (to !== multicall3) return undefined
  try {
    const { functionName, args } = decodeFunctionData({ abi: multicall3Abi, data })
    if (functionName !== 'aggregate3Value') return undefined
    return args[0].map(({ target, allowFailure, value, callData }) => {
      return { to: target, value, data: callData, mayFail: allowFailure }
    })
  } catch {
    // Another function, or bytes that are no arguments of it.
    return undefined
  }
}
