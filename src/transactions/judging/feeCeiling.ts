import type { ChainAdapter } from '../../chains/adapter.ts'
import { type IntentPlan, stepsOf } from '../plan.ts'

/** The most that the transactions of a plan can pay to be included, in native base units. */
export function ceilingOf(plan: IntentPlan, codec: ChainAdapter['codec']): bigint {
  return stepsOf(plan).reduce((total, { payload, terms, surcharge = '0' }) => {
    return total + codec.maxFee(payload, terms) + BigInt(surcharge)
  }, 0n)
}
