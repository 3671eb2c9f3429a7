import type { FeeReading, FeeTerms, Urgency } from '../../chains/adapter.ts'
import type { BlockRef } from '../../primitives/chainRef.ts'
import { readHistory } from './feeHistory.ts'

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
  const { baseFees, nextBaseFee, tips, fullness } = readHistory(result, host)
  return {
    block,
    baseFee: baseFees.at(-1) ?? nextBaseFee,
    nextBaseFee,
    congestion: congestionOf(fullness.slice(-5)),
    trend: trendOf([...baseFees, nextBaseFee]),
    tiers: {
      slow: termsOf(TIERS.slow, tips, nextBaseFee),
      standard: termsOf(TIERS.standard, tips, nextBaseFee),
      fast: termsOf(TIERS.fast, tips, nextBaseFee),
    },
  }
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
