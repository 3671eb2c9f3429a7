import { checkBinding, checkFreshness, type SigningOrder } from '../chains/simulationReceipt.ts'
import { BursarError } from '../errors/bursarError.ts'
import type { Clock } from '../primitives/clock.ts'

/** Throws `receipt_refused` unless the order is for this account, and simulated just so a moment ago (R1). */
export function checkOrder({ payload, receipt, head }: SigningOrder, account: string, clock: Clock): void {
  if (payload.from !== account) {
    throw new BursarError('receipt_refused', {
      reason: `it is to be paid by ${payload.from}, not ${account}`,
    })
  }
  checkBinding(receipt, payload)
  checkFreshness(receipt, clock.now(), head)
}
