import type { FeeReading, FeeTerms, Urgency } from '../../chains/adapter.ts'
import type { FeeHistory } from './feeHistory.ts'
import { ascending, median } from './median.ts'

export interface Market {
  readonly history: FeeHistory
  readonly forecast: FeeReading['forecast']
  readonly congestion: FeeReading['congestion']
  /** How far the next base fee is from the mean of five, in millionths of it. */
  readonly dip: bigint
  /** Wei. */
  readonly minTip: bigint
}

interface Tier {
  /** Which of `PERCENTILES` is enough in a block that is full. */
  readonly crowded: number
  /** How many recent blocks are looked at for full ones. */
  readonly window: number
  /** And in one that is not. */
  readonly roomy: number
  /** A next base fee so far below the mean fills its block: who waited for it comes in. */
  readonly cheap: bigint
}

/** To be included within six, three and one blocks: bench/fee-prediction shows how often they are. */
const TIERS: Readonly<Record<Urgency, Tier>> = {
  slow: { crowded: 0, window: 2, roomy: 0, cheap: -150_000n },
  standard: { crowded: 1, window: 3, roomy: 0, cheap: -100_000n },
  fast: { crowded: 2, window: 6, roomy: 1, cheap: -40_000n },
}
/** A block that is so full had no room for a transfer, or hardly. */
const FULL = 0.98
/** Per cent on top of the highest fee that is forecast: what nobody could forecast. It is held, and seldom paid. */
const BUFFER: Readonly<Record<FeeReading['congestion'], bigint>> = { low: 25n, medium: 50n, high: 100n }

export function tiersOf(market: Market): Readonly<Record<Urgency, FeeTerms>> {
  return {
    slow: termsOf('slow', market),
    standard: termsOf('standard', market),
    fast: termsOf('fast', market),
  }
}

function termsOf(urgency: Urgency, { history, forecast, congestion, dip, minTip }: Market): FeeTerms {
  const paid = tipOf(TIERS[urgency], history, dip)
  const tip = paid > minTip ? paid : minTip
  // Also `fast` may miss its block, and is not to wait at its nonce for fees to come back.
  const highest = ascending(forecast.map(({ high }) => high)).at(-1) ?? 0n
  return {
    maxFeePerGas: ((highest * (100n + BUFFER[congestion])) / 100n + tip).toString(),
    maxPriorityFeePerGas: tip.toString(),
  }
}

/** Room is free; where there was none lately, what others paid for it. */
function tipOf({ crowded, window, roomy, cheap }: Tier, { tips, fullness }: FeeHistory, dip: bigint): bigint {
  const recent = tips.slice(-window)
  const full = recent.filter((_, index) => (fullness.slice(-window)[index] ?? 0) >= FULL)
  if (full.length > 0) return median(full.map((row) => row[crowded] ?? 0n))
  const percentile = dip < cheap ? crowded : roomy
  return median(tips.slice(-10).map((row) => row[percentile] ?? 0n))
}
