import type { FeeReading, FeeTerms, Urgency } from '../../chains/adapter.ts'
import type { Chain } from '../../chains/types.ts'
import { parseHead } from '../blocks.ts'
import { baseFeeRule, nextBaseFee, type ParentBlock, parseParent } from './baseFee.ts'
import { type FeeHistory, readHistory } from './feeHistory.ts'

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

/** Answers of one node, given together. */
export interface FeeAnswers {
  /** To `LATEST_BLOCK`, or to the same question about another block. */
  readonly block: unknown
  /** To `FEE_HISTORY`. */
  readonly history: unknown
}

/** What a chain charges for gas, in wei. Throws `provider_garbage`. */
export function readFees(chain: Chain, answers: FeeAnswers, host: string): FeeReading {
  const head = parseHead(answers.block, host)
  const parent = parseParent(answers.block, host)
  const history = readHistory(answers.history, host)
  const next = nextOf(chain, head.number, parent, history)
  const { baseFees, tips, fullness } = history
  return {
    block: head.ref,
    baseFee: parent?.baseFee ?? 0n,
    nextBaseFee: next.fee,
    source: next.source,
    congestion: congestionOf(fullness.slice(-5)),
    trend: trendOf([...baseFees, next.fee]),
    tiers: {
      slow: termsOf(TIERS.slow, tips, next.fee),
      standard: termsOf(TIERS.standard, tips, next.fee),
      fast: termsOf(TIERS.fast, tips, next.fee),
    },
  }
}

/** The next base fee by the formula and by the node; the higher where they differ: too little is not included. */
function nextOf(
  chain: Chain,
  number: bigint,
  parent: ParentBlock | undefined,
  history: FeeHistory,
): { readonly fee: bigint; readonly source: FeeReading['source'] } {
  const told = history.nextBaseFee
  const rule = parent && baseFeeRule(chain, parent.extraData)
  // A history that goes on beyond the block tells of a later one than the formula does.
  if (!parent || !rule || history.newest > number) return { fee: told, source: 'node' }
  const computed = nextBaseFee(parent, rule)
  if (history.newest < number) return { fee: computed, source: 'formula' }
  if (computed === told) return { fee: computed, source: 'exact' }
  return computed > told ? { fee: computed, source: 'formula' } : { fee: told, source: 'node' }
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
