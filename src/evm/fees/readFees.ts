import type { FeeReading } from '../../chains/adapter.ts'
import type { BaseFeeRule, Chain } from '../../chains/types.ts'
import { fromQuantity } from '../quantity.ts'
import { parseHead } from '../reads/blocks.ts'
import { baseFeeRule, nextBaseFee, type ParentBlock, parseParent } from './baseFee.ts'
import { type FeeHistory, PERCENTILES, readHistory } from './feeHistory.ts'
import { dipOf, forecast, trendOf } from './forecast.ts'
import { tiersOf } from './tiers.ts'

/** What geth and op-geth build blocks with unless told otherwise: 0.001 gwei. */
const DEFAULT_MIN_TIP = '1000000'

/** Answers of one node, given together. */
export interface FeeAnswers {
  /** To `LATEST_BLOCK`, or to the same question about another block. */
  readonly block: unknown
  /** To `FEE_HISTORY`; absent where the node has none. */
  readonly history?: unknown
  /** To `eth_gasPrice`, where the history does not say what was tipped. */
  readonly gasPrice?: unknown
}

/** What a chain charges for gas, in wei. Throws `provider_garbage`. */
export function readFees(chain: Chain, answers: FeeAnswers, host: string): FeeReading {
  const head = parseHead(answers.block, host)
  const parent = parseParent(chain, answers.block, host)
  const rule = parent && baseFeeRule(chain, parent.extraData)
  const given = answers.gasPrice !== undefined
  const history = given
    ? suggestedHistory(head.number, parent, answers, host)
    : readHistory(answers.history, host)
  const next = nextOf(head.number, parent, rule, history)
  const minTip = BigInt(chain.minTip ?? DEFAULT_MIN_TIP)
  return {
    block: head.ref,
    baseFee: parent?.baseFee ?? 0n,
    nextBaseFee: next.fee,
    source: given ? 'gas-price' : next.source,
    ...outlook({ history, next: next.fee, rule, minTip }),
  }
}

export interface Outlook {
  readonly history: FeeHistory
  /** Base fee of the next block, in wei. */
  readonly next: bigint
  readonly rule: BaseFeeRule | undefined
  /** Wei. */
  readonly minTip: bigint
}

/** What recent blocks and the next base fee let expect. */
export function outlook({
  history,
  next,
  rule,
  minTip,
}: Outlook): Pick<FeeReading, 'forecast' | 'confidence' | 'congestion' | 'trend' | 'tiers'> {
  const fees = [...history.baseFees, next]
  const ranges = forecast(fees, rule)
  const congestion = congestionOf(history.fullness.slice(-5))
  return {
    forecast: ranges,
    confidence: confidenceOf(history, dipOf(fees)),
    congestion,
    trend: trendOf(fees),
    tiers: tiersOf({ history, forecast: ranges, congestion, dip: dipOf(fees), minTip }),
  }
}

/**
 * A history in which everybody tips what the node suggests on top of the base fee, all of it where there is none: then
 * every tier is the price of gas.
 */
function suggestedHistory(
  number: bigint,
  parent: ParentBlock | undefined,
  { history, gasPrice }: FeeAnswers,
  host: string,
): FeeHistory {
  const price = fromQuantity(gasPrice, 'gas price', host)
  const baseFee = parent?.baseFee ?? 0n
  const tip = price > baseFee ? price - baseFee : 0n
  const tips = [PERCENTILES.map(() => tip)]
  if (history !== undefined) return { ...readHistory(history, host), tips }
  // It tells nothing about the block itself: where there is a formula, that decides.
  return { newest: number - 1n, baseFees: [baseFee], nextBaseFee: baseFee, tips, fullness: [] }
}

/** The next base fee by the formula and by the node; the higher where they differ: too little is not included. */
function nextOf(
  number: bigint,
  parent: ParentBlock | undefined,
  rule: BaseFeeRule | undefined,
  history: FeeHistory,
): { readonly fee: bigint; readonly source: FeeReading['source'] } {
  const told = history.nextBaseFee
  // A history that goes on beyond the block tells of a later one than the formula does.
  if (!parent || !rule || history.newest > number) return { fee: told, source: 'node' }
  const computed = nextBaseFee(parent, rule)
  if (history.newest < number) return { fee: computed, source: 'formula' }
  if (computed === told) return { fee: computed, source: 'exact' }
  return computed > told ? { fee: computed, source: 'formula' } : { fee: told, source: 'node' }
}

/** So many blocks are needed to tell one that was cheap by chance. */
const LEAST_BLOCKS = 5

/**
 * That a tier is included within its target: a next base fee far below the recent ones fills its block, at tips that
 * nobody can know. The figures behind the two limits are those of bench/fee-prediction.
 */
function confidenceOf({ tips }: FeeHistory, dip: bigint): FeeReading['confidence'] {
  if (dip < -120_000n || tips.length < LEAST_BLOCKS) return 'low'
  return dip < -60_000n ? 'medium' : 'high'
}

/** Mean fullness of the last five blocks. */
function congestionOf(fullness: readonly number[]): FeeReading['congestion'] {
  if (fullness.length === 0) return 'low'
  const mean = fullness.reduce((sum, ratio) => sum + ratio, 0) / fullness.length
  return mean < 0.4 ? 'low' : mean < 0.8 ? 'medium' : 'high'
}
