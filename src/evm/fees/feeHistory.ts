import type { RpcRequest } from '../../rpc/transport.ts'
import { asList, asObject, fromQuantity } from '../quantity.ts'

const HISTORY_BLOCKS = 20
export const PERCENTILES = [10, 20, 50]

/** One call gives base fees, the next base fee, fullness and tips paid (eth_feeHistory). */
export const FEE_HISTORY: RpcRequest = {
  method: 'eth_feeHistory',
  params: [`0x${HISTORY_BLOCKS.toString(16)}`, 'latest', PERCENTILES],
}

/** Recent blocks, oldest first. */
export interface FeeHistory {
  /** Number of the newest one. */
  readonly newest: bigint
  /** In wei. */
  readonly baseFees: readonly bigint[]
  /** Base fee of the block after them as the node tells it, in wei. */
  readonly nextBaseFee: bigint
  /** Tips paid at each percentile of `PERCENTILES`, in wei; a block without transactions paid none. */
  readonly tips: readonly (readonly bigint[])[]
  /** Gas used as a share of the block's gas limit. */
  readonly fullness: readonly number[]
}

/** What an answer to `FEE_HISTORY` says. Throws `provider_garbage`. */
export function readHistory(result: unknown, host: string): FeeHistory {
  const history = asObject(result, 'the fee history', host)
  const baseFees = asList(history['baseFeePerGas'], 'baseFeePerGas', host).map((fee) =>
    fromQuantity(fee, 'base fee', host),
  )
  const fullness = asList(history['gasUsedRatio'] ?? [], 'gasUsedRatio', host).map(Number)
  return {
    newest: fromQuantity(history['oldestBlock'], 'oldestBlock', host) + BigInt(fullness.length) - 1n,
    baseFees: baseFees.slice(0, -1),
    nextBaseFee: baseFees.at(-1) ?? 0n,
    tips: asList(history['reward'] ?? [], 'reward', host).map((row) =>
      asList(row, 'reward row', host).map((tip) => fromQuantity(tip, 'tip', host)),
    ),
    fullness,
  }
}
