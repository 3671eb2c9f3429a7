import type { Rehearsal } from '../../chains/adapter.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { digestOf } from '../../primitives/json.ts'
import { unpadNumber } from '../../store/database/paddedNumber.ts'
import type { OperationRecord } from '../../store/operations.ts'
import type { AttemptRow, StepRow } from '../../store/schema.ts'
import type { IntentPlan, Replaced } from '../plan.ts'

/** The bytes that wait at a nonce, and the step that they are for. */
export interface Waiting {
  readonly step: StepRow
  readonly attempt: AttemptRow
  readonly nonce: bigint
}

/** Which of the bytes that an operation waits for are meant, in the order of its steps. */
export type Choice = (waiting: readonly Waiting[]) => Waiting | undefined

/** The first are sped up, because others wait behind them; the last are cancelled. */
export const PICKED: Readonly<Record<Replaced['kind'], Choice>> = {
  speed_up: (waiting) => waiting[0],
  cancel: (waiting) => waiting.at(-1),
}

/** The bytes that an operation waits for. Throws `not_replaceable` when there are none. */
export function waitingIn({ operation, steps }: OperationRecord, choice: Choice): Waiting {
  const last = steps.at(-1)
  if (!last) throw new TypeError(`operation ${operation.id} has no step`)
  if (operation.state !== 'running' && operation.state !== 'stuck') {
    throw notReplaceable(`its operation has ended as ${operation.state}`, last.step)
  }
  const waiting = steps.flatMap(({ step, attempts }) => {
    const attempt = attempts.find(({ live }) => live === 1)
    const isOpen = step.ended === 0 && step.included_number === null
    return attempt && isOpen ? [{ step, attempt, nonce: unpadNumber(attempt.nonce) }] : []
  })
  const found = choice(waiting)
  if (found) return found
  const included = last.step.included_number
  if (included !== null) throw notReplaceable(`it is included in block ${unpadNumber(included)}`, last.step)
  throw notReplaceable('it was not signed yet, and may still end by itself', last.step)
}

export function requireUnused({ step, nonce }: Waiting, { minedCount }: Rehearsal): void {
  if (minedCount > nonce) throw notReplaceable(`its nonce ${nonce} is used by now`, step)
}

/**
 * What is sped up was approved when its operation began, and fees are judged by their caps: nobody is asked again. That
 * holds for the very payload of the step, and for nothing else.
 */
export function requireSamePayload(plan: IntentPlan, step: StepRow): void {
  if (digestOf(plan.payload) === digestOf(JSON.parse(step.payload))) return
  throw notReplaceable('what would take its place is not what was approved', step)
}

export function notReplaceable(reason: string, { chain }: StepRow): BursarError {
  return new BursarError('not_replaceable', { reason }, { chain })
}
