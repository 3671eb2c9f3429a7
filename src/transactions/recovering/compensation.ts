import type { Payload } from '../../chains/adapter.ts'
import type { ChainDirectory } from '../../chains/directory.ts'
import { isBursarError } from '../../errors/bursarError.ts'
import type { Clock } from '../../primitives/clock.ts'
import type { Logger } from '../../primitives/logger.ts'
import type { OperationRecord, OperationStore } from '../../store/operations.ts'
import type { StepRow } from '../../store/schema.ts'
import { standingNote } from '../../store/steps/standing.ts'
import type { StepStore } from '../../store/steps/steps.ts'
import type { Judge } from '../judging/judge.ts'
import { reservationsOf } from '../judging/preflight.ts'
import { pricedAs } from '../plan.ts'

export interface CompensationDependencies {
  readonly directory: Pick<ChainDirectory, 'adapter'>
  readonly judge: Judge
  readonly operations: OperationStore
  readonly steps: Pick<StepStore, 'standing'>
  readonly clock: Clock
  readonly logger: Logger
}

/** One that fails on the chain although it passed its simulation will fail again, and costs a fee each time. */
export const MOST_TRIES = 3

/**
 * Takes back what an operation has allowed when the payment that it was for did not happen: a step of the same
 * operation, simulated and judged as every other one.
 */
export class Compensation {
  readonly #deps: CompensationDependencies

  constructor(deps: CompensationDependencies) {
    this.#deps = deps
  }

  /** Answers whether a step was added. Where that is not possible now, the operation says so, and it is tried again. */
  async begin(record: OperationRecord, signal: AbortSignal): Promise<boolean> {
    const { operation, steps } = record
    const { directory, judge, operations, clock } = this.#deps
    const approval = steps.find(({ step }) => step.role === 'approval')?.step
    const tries = steps.filter(({ step, attempts }) => step.role === 'undo' && attempts.length > 0)
    if (!approval) throw new TypeError(`operation ${operation.id} has no approval to take back`)
    if (tries.length >= MOST_TRIES) {
      await this.#stands(approval, `its revocation failed ${MOST_TRIES} times`)
      return false
    }
    const adapter = await directory.adapter(approval.chain)
    const draft = adapter.revocation(JSON.parse(approval.payload) as Payload)
    const limit = { urgency: 'standard', maxGasPrice: judge.policy.maxGasPrice } as const
    try {
      const askedAt = clock.now()
      const earlier = await operations.waiting(approval.chain, approval.account)
      const planned = await adapter.plan(draft, limit, earlier, signal)
      const { to, outflow } = draft
      // As when it is signed: it may take nothing but fees.
      const { wallet, principal } = operation
      const whose = { wallet, principal, isProtective: true }
      const matter = { ...planned, adapter, outflow, askedAt, shown: [], ...whose }
      await operations.compensate(record, judge.ask([matter]), (ledger) => {
        const { receipt, counted } = judge.pass(matter, ledger)
        return {
          role: 'undo',
          ...pricedAs(planned.rehearsal, limit.urgency),
          recipient: to,
          payload: JSON.stringify(planned.payload),
          terms: JSON.stringify(planned.terms),
          outflow: JSON.stringify({ asset: outflow.asset, raw: '0' }),
          receipt: JSON.stringify(receipt),
          reservations: reservationsOf(adapter, matter),
          counted,
        }
      })
      return true
    } catch (error) {
      if (!isBursarError(error)) throw error
      await this.#stands(approval, error.message)
      return false
    }
  }

  async #stands({ id, operation_id: operation, note }: StepRow, why: string): Promise<void> {
    if (note === standingNote(why)) return
    this.#deps.logger.warn('an approval could not be taken back', { operation, cause: why })
    await this.#deps.steps.standing(id, why)
  }
}
