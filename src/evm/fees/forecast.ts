import type { FeeRange } from '../../chains/adapter.ts'
import type { BaseFeeRule } from '../../chains/types.ts'
import { median } from './median.ts'

/** How many blocks ahead base fees are told. */
const FORECAST_BLOCKS = 6

/** Recent base fees, oldest first and the next one last, in wei. */
export type BaseFees = readonly bigint[]

const MILLION = 1_000_000n
/**
 * What bench/fee-prediction found on one seed of generated demand, in millionths a block ahead: the part of the distance
 * to the mean of five blocks that is made up again (a block that was cheap by chance fills, and raises the next), and
 * the part of the distance to the mean of the window that goes on growing.
 */
const REVERTS = [400_000n, 330_000n, 230_000n, 120_000n, 40_000n]
const PERSISTS = [120_000n, 160_000n, 190_000n, 210_000n, 230_000n]
/** Usual changes of a block that eight in ten outcomes stay within, in millionths. */
const SPREAD = [1_650_000n, 2_000_000n, 2_400_000n, 2_800_000n, 3_200_000n]

/**
 * Base fees of the next six blocks, the next one first, which is exact. The others are the likely fee and the range that
 * eight in ten outcomes were in, never outside what full or empty blocks can make of it.
 */
export function forecast(fees: BaseFees, rule: BaseFeeRule | undefined): readonly FeeRange[] {
  const next = fees.at(-1) ?? 0n
  const near = dipOf(fees)
  const far = distance(next, mean(fees))
  const change = usualChange(fees)
  const ranges: FeeRange[] = [{ low: next, likely: next, high: next }]
  let [lowest, highest] = [next, next]
  for (let ahead = 0; ahead < FORECAST_BLOCKS - 1; ahead++) {
    ;[lowest, highest] = rule ? bounds(lowest, highest, rule) : [0n, highest * 2n]
    const within = (fee: bigint) => (fee < lowest ? lowest : fee > highest ? highest : fee)
    const drift = (far * (PERSISTS[ahead] ?? 0n) - near * (REVERTS[ahead] ?? 0n)) / MILLION
    const spread = (change * (SPREAD[ahead] ?? 0n)) / MILLION
    const at = (millionths: bigint) => within((next * (MILLION + millionths)) / MILLION)
    ranges.push({ low: at(drift - spread), likely: at(drift), high: at(drift + spread) })
  }
  return ranges
}

/** What an empty and a full block make of fees (EIP-1559). */
function bounds(lowest: bigint, highest: bigint, rule: BaseFeeRule): [bigint, bigint] {
  const denominator = BigInt(rule.denominator)
  const [part, whole] = rule.target.map(BigInt) as [bigint, bigint]
  const rise = (highest * (whole - part)) / part / denominator
  const fall = lowest - lowest / denominator
  const least = BigInt(rule.least ?? 0)
  return [fall > least ? fall : least, highest + (rise > 0n ? rise : 1n)]
}

/** Against the mean of the window: more than a tenth away is a trend. */
export function trendOf(fees: BaseFees): 'falling' | 'flat' | 'rising' {
  const away = distance(fees.at(-1) ?? 0n, mean(fees))
  if (away > MILLION / 10n) return 'rising'
  return away < -MILLION / 10n ? 'falling' : 'flat'
}

/** How far the next fee is from the mean of the last five, in millionths of it. */
export function dipOf(fees: BaseFees): bigint {
  return distance(fees.at(-1) ?? 0n, mean(fees.slice(-5)))
}

/** How far the fee usually moves from block to block, in millionths of itself; one leap is not usual. */
export function usualChange(fees: BaseFees): bigint {
  const changes = fees.slice(1).map((fee, index) => distance(fee, fees[index] ?? fee))
  return median(changes.map((change) => (change < 0n ? -change : change)))
}

/** In millionths of `from`; nothing is far from zero. */
function distance(fee: bigint, from: bigint): bigint {
  return from === 0n ? 0n : ((fee - from) * MILLION) / from
}

function mean(values: readonly bigint[]): bigint {
  if (values.length === 0) return 0n
  return values.reduce((sum, value) => sum + value, 0n) / BigInt(values.length)
}
