import { amountOf, nativeAsset } from '../chains/amounts.ts'
import { chainRef } from '../chains/registry.ts'
import type { Chain } from '../chains/types.ts'
import type { Amount } from '../primitives/amount.ts'
import type { OperationRecord } from '../store/operations.ts'
import { unpadNumber } from '../store/paddedNumber.ts'
import type { AttemptRow, StepRow } from '../store/schema.ts'
import type { StoredAmount } from './plan.ts'
import type { AttemptView, OperationSummary, OperationView, StepView } from './views.ts'

type Recorded = OperationRecord['steps'][number]

/** An operation as get_operation and send_transaction show it. */
export function operationView(record: OperationRecord, chain: Chain): OperationView {
  const { operation } = record
  const steps = record.steps.map((step) => stepView(step, chain, operation.wallet))
  return {
    operationId: operation.id,
    intentId: operation.intent_id,
    idempotencyKey: operation.idempotency_key,
    state: operation.state,
    sideEffect: sideEffectOf(record),
    steps,
    createdAt: operation.created_at,
    updatedAt: record.steps.map(({ step }) => step.updated_at).reduce(later, operation.created_at),
    next: nextOf(record),
  }
}

const later = (a: string, b: string) => (a > b ? a : b)

/** One line of list_operations. */
export function operationSummary(record: OperationRecord, chain: Chain): OperationSummary {
  const { operation, steps } = record
  const last = steps.at(-1) as Recorded
  const hash = last.attempts.at(-1)?.hash
  return {
    operationId: operation.id,
    idempotencyKey: operation.idempotency_key,
    state: operation.state,
    chain: chainRef(chain),
    wallet: { name: operation.wallet, address: operation.account },
    to: last.step.recipient,
    amount: outflowOf(last.step),
    ...(hash === undefined ? {} : { hash }),
    createdAt: operation.created_at,
  }
}

function stepView({ step, attempts }: Recorded, chain: Chain, wallet: string): StepView {
  const nonce = attempts.at(-1)?.nonce
  return {
    chain: chainRef(chain),
    wallet: { name: wallet, address: step.account },
    to: step.recipient,
    amount: outflowOf(step),
    state: step.state,
    ...(nonce === undefined ? {} : { nonce: unpadNumber(nonce).toString() }),
    attempts: attempts.map((attempt) => attemptView(attempt, chain)),
    confirmations: step.confirmations,
    requiredConfirmations: chain.confirmations,
    ...inclusionOf(step, chain),
    ...(step.note === null ? {} : { note: step.note }),
  }
}

function attemptView(attempt: AttemptRow, chain: Chain): AttemptView {
  const { hash, kind, state } = attempt
  return {
    hash,
    kind,
    state,
    ...(chain.explorerUrl ? { explorerUrl: `${chain.explorerUrl}/tx/${hash}` } : {}),
  }
}

function inclusionOf(step: StepRow, chain: Chain): Pick<StepView, 'includedIn' | 'gasUsed' | 'feePaid'> {
  if (step.included_number === null || step.included_hash === null) return {}
  return {
    includedIn: { number: unpadNumber(step.included_number).toString(), hash: step.included_hash },
    ...(step.gas_used === null ? {} : { gasUsed: step.gas_used }),
    ...(step.fee_paid === null ? {} : { feePaid: amountOf(nativeAsset(chain), step.fee_paid) }),
  }
}

/** What leaves by the caller's word. */
function outflowOf(step: StepRow): Amount {
  const { asset, raw } = JSON.parse(step.outflow) as StoredAmount
  return amountOf(asset, raw)
}

function sideEffectOf({ steps }: OperationRecord): OperationView['sideEffect'] {
  if (steps.some((one) => one.step.included_hash !== null && !isCancelled(one))) return 'done'
  const open = ({ step, attempts }: Recorded) => attempts.length > 0 && step.state !== 'replaced'
  return steps.some(open) ? 'possible' : 'none'
}

/** What was included in its place moves nothing. */
function isCancelled({ attempts }: Recorded): boolean {
  return attempts.some(({ kind, state }) => kind === 'cancel' && state === 'included')
}

function nextOf({ operation, steps }: OperationRecord): string {
  if (operation.state === 'committed') return 'Done: the payment is final.'
  const open = steps.find(({ step }) => step.state !== 'final')
  const state = open?.step.state ?? 'final'
  if (open && isCancelled(open)) {
    return state === 'replaced'
      ? 'Cancelled: nothing was paid but gas. If it is still wanted, prepare it again with a new idempotencyKey.'
      : 'The cancellation is included, not yet final. Call get_operation with until "final" before you pay in another way.'
  }
  switch (state) {
    case 'included':
      return 'Included, not yet final. Call get_operation with until "final" when finality matters.'
    case 'safe':
      return 'Included in a block that the chain calls safe, not yet final. Call get_operation with until "final" when finality matters.'
    case 'reverted':
      return 'The transaction was included and reverted: gas was paid, nothing else moved. Find out why before preparing it again with a new idempotencyKey.'
    case 'failed':
      return 'Nothing was signed and nothing moved. Prepare the payment again with a new idempotencyKey.'
    case 'replaced':
      return 'The payment did not happen: its nonce was used by another transaction. Prepare it again with a new idempotencyKey.'
    case 'dropped':
      return 'The network had it and lost it. Do not pay again: the same bytes are sent again. Call get_operation again.'
    case 'unknown':
      return 'Not known yet whether the network has it. Do not pay again: Bursar keeps resolving it. Call get_operation again.'
    case 'queued':
      return `Nothing is signed yet${open?.step.note ? '; the note says what it waits for, and replace_transaction cancels it' : ''}. Call get_operation later; do not send it again.`
    case 'sent':
      return operation.state === 'stuck' ? STUCK : UNDER_WAY
    default:
      return UNDER_WAY
  }
}

const UNDER_WAY = 'Under way. Call get_operation with waitSeconds to wait for it; do not send it again.'
const STUCK =
  'Sent, and it waits for too long: the note says why. Do not pay again: replace_transaction with kind speed_up offers more, with kind cancel takes it back, and it may still be included by itself.'
