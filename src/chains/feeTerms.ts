import type { FeeReading, FeeTerms, PriceLimit } from './adapter.ts'

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
