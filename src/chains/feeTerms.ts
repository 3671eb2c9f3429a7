import type { FeeReading, FeeTerms, PriceLimit } from './adapter.ts'

/** Terms that pay no more than so much per unit of gas, whatever the market asks. */
export function cappedTerms(terms: FeeTerms, maxFeePerGas: bigint): FeeTerms {
  const tip = BigInt(terms.maxPriorityFeePerGas)
  return {
    maxFeePerGas: maxFeePerGas.toString(),
    maxPriorityFeePerGas: (tip < maxFeePerGas ? tip : maxFeePerGas).toString(),
  }
}

/** Whether the next block would take them. */
export function fitsNextBlock(terms: FeeTerms, { nextBaseFee }: FeeReading): boolean {
  return nextBaseFee + BigInt(terms.maxPriorityFeePerGas) <= BigInt(terms.maxFeePerGas)
}

/** Nodes take other bytes at a nonce that they hold only when both fees are at least a tenth higher. */
const RAISE_PERCENT = 110n

/**
 * Terms for bytes that replace others: both fees higher by a tenth and by one at least, and those of the market where
 * they are higher still. How high they may be is for policy to say.
 */
export function raisedTerms(replaced: FeeTerms, market: FeeTerms): FeeTerms {
  const maxFeePerGas = most(raised(replaced.maxFeePerGas), BigInt(market.maxFeePerGas))
  const tip = most(raised(replaced.maxPriorityFeePerGas), BigInt(market.maxPriorityFeePerGas))
  // A tip above the ceiling is refused by every node.
  return { maxFeePerGas: most(maxFeePerGas, tip).toString(), maxPriorityFeePerGas: tip.toString() }
}

function raised(fee: string): bigint {
  const old = BigInt(fee)
  return most(old + 1n, (old * RAISE_PERCENT + 99n) / 100n)
}

const most = (a: bigint, b: bigint) => (a > b ? a : b)

/**
 * The terms of a tier. Its ceiling leaves room for fees to rise; that room ends at the limit while the next block's
 * price fits below it. A price that does not fit is returned as it is, for policy to refuse (D4).
 */
export function withinLimit(reading: FeeReading, { urgency, maxGasPrice }: PriceLimit): FeeTerms {
  const terms = reading.tiers[urgency]
  const needed = reading.nextBaseFee + BigInt(terms.maxPriorityFeePerGas)
  if (BigInt(terms.maxFeePerGas) <= maxGasPrice || needed > maxGasPrice) return terms
  return { ...terms, maxFeePerGas: maxGasPrice.toString() }
}
