import type { FeeReading } from '../chains/adapter.ts'
import { gweiOf } from '../chains/amounts.ts'
import { withinLimit } from '../chains/feeTerms.ts'

/** The policy's cap on the price of gas, as far as quotes need it. */
export interface GasCap {
  readonly maxGasPriceGwei: string
  /** Native base units per unit of gas. */
  readonly maxGasPrice: bigint
}

/**
 * `above-cap`: what simulate_transaction would do without an urgency is refused. `near-cap`: it is not, and has less
 * room for fees to rise than it would have without the cap.
 */
export function capVerdict(
  fees: FeeReading,
  { maxGasPrice }: GasCap,
): 'below-cap' | 'near-cap' | 'above-cap' {
  const { maxFeePerGas } = withinLimit(fees, { urgency: 'standard', maxGasPrice })
  if (BigInt(maxFeePerGas) > maxGasPrice) return 'above-cap'
  return BigInt(fees.tiers.standard.maxFeePerGas) > maxGasPrice ? 'near-cap' : 'below-cap'
}

export interface Waiting {
  /** For six blocks. */
  readonly verdict: 'likely-cheaper' | 'unclear' | 'likely-dearer'
  /** What to give simulate_transaction as maxFeeGwei for a payment that may wait. */
  readonly maxFeeGwei: string
}

/** Below it, what is gained by waiting is less than what is worth waiting for. */
const WORTH_PERCENT = 3n

export function waitingFor({ forecast, nextBaseFee, tiers }: FeeReading): Waiting {
  const likely = forecast.at(-1)?.likely ?? nextBaseFee
  const by = (percent: bigint) => nextBaseFee * percent
  const verdict =
    likely * 100n < by(100n - WORTH_PERCENT)
      ? 'likely-cheaper'
      : likely * 100n > by(100n + WORTH_PERCENT)
        ? 'likely-dearer'
        : 'unclear'
  // Base fees swing from block to block, so a little less than the next one comes soon unless they rise.
  const worth = by(100n - WORTH_PERCENT) / 100n
  const base = likely < worth ? likely : worth
  return { verdict, maxFeeGwei: gweiOf(base + BigInt(tiers.slow.maxPriorityFeePerGas)) }
}
