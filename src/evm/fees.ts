import type { FeeReading, FeeTerms, Urgency } from '../chains/adapter.ts'
import type { BlockRef } from '../primitives/chainRef.ts'
import type { RpcRequest } from '../rpc/transport.ts'
import { asList, asObject, fromQuantity } from './quantity.ts'

const HISTORY_BLOCKS = 20
const PERCENTILES = [10, 50, 90]

/** One call gives base fees, the next base fee, fullness and tips paid (eth_feeHistory). */
export const FEE_HISTORY: RpcRequest = {
  method: 'eth_feeHistory',
  params: [`0x${HISTORY_BLOCKS.toString(16)}`, 'latest', PERCENTILES],
}

interface Tier {
  readonly percentile: number
  /** Tip when recent blocks paid none, in wei. */
  readonly floor: bigint
  /** Per cent of the next base fee that the ceiling allows; each full block raises it by at most 12.5 %. */
  readonly headroom: bigint
}

const TIERS: Readonly<Record<Urgency, Tier>> = {
  slow: { percentile: 0, floor: 1_000_000n, headroom: 125n },
  standard: { percentile: 1, floor: 10_000_000n, headroom: 200n },
  fast: { percentile: 2, floor: 100_000_000n, headroom: 300n },
}

/** Fees from an answer to `FEE_HISTORY`, in wei. The next base fee is the node's, by EIP-1559's formula. */
export function readFees(result: unknown, block: BlockRef, host: string): FeeReading {
  const history = asObject(result, 'the fee history', host)
  const baseFees = asList(history['baseFeePerGas'], 'baseFeePerGas', host).map((fee) =>
    fromQuantity(fee, 'base fee', host),
  )
  const rewards = asList(history['reward'] ?? [], 'reward', host).map((row) =>
    asList(row, 'reward row', host).map((tip) => fromQuantity(tip, 'tip', host)),
  )
  const fullness = asList(history['gasUsedRatio'] ?? [], 'gasUsedRatio', host).map(Number)
  const nextBaseFee = baseFees.at(-1) ?? 0n
  return {
    block,
    baseFee: baseFees.at(-2) ?? nextBaseFee,
    nextBaseFee,
    congestion: congestionOf(fullness.slice(-5)),
    trend: trendOf(baseFees),
    tiers: {
      slow: termsOf(TIERS.slow, rewards, nextBaseFee),
      standard: termsOf(TIERS.standard, rewards, nextBaseFee),
      fast: termsOf(TIERS.fast, rewards, nextBaseFee),
    },
  }
}

/** Number of the newest block that an answer to `FEE_HISTORY` covers. */
export function newestBlockOf(result: unknown, host: string): bigint {
  const history = asObject(result, 'the fee history', host)
  const blocks = asList(history['gasUsedRatio'], 'gasUsedRatio', host).length
  return fromQuantity(history['oldestBlock'], 'oldestBlock', host) + BigInt(blocks) - 1n
}

function termsOf(tier: Tier, rewards: readonly (readonly bigint[])[], nextBaseFee: bigint): FeeTerms {
  // Empty blocks report a tip of zero, and count: whoever needed no tip to get in is evidence too.
  const paid = rewards.map((row) => row[tier.percentile] ?? 0n)
  const sorted = paid.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0n
  const tip = median > tier.floor ? median : tier.floor
  return {
    maxFeePerGas: ((nextBaseFee * tier.headroom) / 100n + tip).toString(),
    maxPriorityFeePerGas: tip.toString(),
  }
}

function congestionOf(fullness: readonly number[]): FeeReading['congestion'] {
  if (fullness.length === 0) return 'low'
  const mean = fullness.reduce((sum, ratio) => sum + ratio, 0) / fullness.length
  return mean < 0.4 ? 'low' : mean < 0.8 ? 'medium' : 'high'
}

/** Against the mean of the window: more than a tenth away is a trend. */
function trendOf(baseFees: readonly bigint[]): FeeReading['trend'] {
  const next = baseFees.at(-1) ?? 0n
  const sum = baseFees.reduce((total, fee) => total + fee, 0n)
  const scaled = next * BigInt(baseFees.length) * 10n
  if (scaled > sum * 11n) return 'rising'
  return scaled < sum * 9n ? 'falling' : 'flat'
}
