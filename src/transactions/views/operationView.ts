import { amountOf, nativeAsset } from '../../chains/amounts.ts'
import { chainRef } from '../../chains/registry.ts'
import type { Chain } from '../../chains/types.ts'
import type { Amount } from '../../primitives/amount.ts'
import { unpadNumber } from '../../store/database/paddedNumber.ts'
import type { OperationRecord } from '../../store/operations.ts'
import type { AttemptRow, StepRow } from '../../store/schema.ts'
import { isAstray } from '../following/astray.ts'
import type { StoredAmount } from '../plan.ts'
import { isCancelled, nextOf, pivotOf } from './nextWords.ts'
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
  const pivot = pivotOf(steps)
  const newest = pivot.attempts.at(-1)
  return {
    operationId: operation.id,
    idempotencyKey: operation.idempotency_key,
    state: operation.state,
    chain: chainRef(chain),
    wallet: { name: operation.wallet, address: operation.account },
    to: pivot.step.recipient,
    amount: outflowOf(pivot.step),
    ...callsOf(pivot.step),
    ...(newest && hashesOf(newest, pivot.step)),
    createdAt: operation.created_at,
  }
}

function stepView({ step, attempts }: Recorded, chain: Chain, wallet: string): StepView {
  const nonce = attempts.at(-1)?.nonce ?? step.asked_nonce ?? undefined
  return {
    ...(step.role === 'pivot' ? {} : { role: step.role }),
    chain: chainRef(chain),
    wallet: { name: wallet, address: step.account },
    to: step.recipient,
    amount: outflowOf(step),
    ...callsOf(step),
    state: step.state,
    ...(nonce === undefined ? {} : { nonce: unpadNumber(nonce).toString() }),
    attempts: [...attempts, ...foundFor({ step, attempts })].map((one) => attemptView(one, step, chain)),
    confirmations: step.confirmations,
    requiredConfirmations: chain.confirmations,
    ...inclusionOf(step, chain),
    ...(step.note === null ? {} : { note: step.note }),
  }
}

/** What others have sent of what a signer elsewhere had signed. */
function foundFor({ step, attempts }: Recorded): readonly ShownAttempt[] {
  const { asked_nonce: asked, transaction_hash: hash } = step
  const isKnown = attempts.some((one) => one.hash === hash)
  return asked === null || hash === null || isKnown ? [] : [{ hash, kind: 'original', state: 'included' }]
}

type ShownAttempt = Pick<AttemptRow, 'hash' | 'kind' | 'state'>

function attemptView(attempt: ShownAttempt, step: StepRow, chain: Chain): AttemptView {
  const { kind, state } = attempt
  const hashes = hashesOf(attempt, step)
  const { hash } = hashes
  const isLinked = chain.explorerUrl !== undefined && hash !== undefined
  return {
    ...hashes,
    kind,
    state,
    ...(isLinked ? { explorerUrl: `${chain.explorerUrl}/tx/${hash}` } : {}),
  }
}

/** A user operation has a hash of its own, and that of a transaction only once one has included it. */
function hashesOf(
  { hash, state }: Pick<ShownAttempt, 'hash' | 'state'>,
  { transaction_hash: transaction, payload }: StepRow,
): Pick<AttemptView, 'hash' | 'userOperationHash'> {
  if (!('userOperation' in (JSON.parse(payload) as object))) return { hash }
  const isIn = transaction !== null && state === 'included'
  return { userOperationHash: hash, ...(isIn && { hash: transaction }) }
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

const callsOf = ({ calls }: StepRow) => (calls === null ? {} : { calls })

function sideEffectOf({ steps }: OperationRecord): OperationView['sideEffect'] {
  if (steps.some((one) => one.step.included_hash !== null && !isCancelled(one))) return 'done'
  const open = (one: Recorded) => (one.attempts.length > 0 && one.step.state !== 'replaced') || isAstray(one)
  return steps.some(open) ? 'possible' : 'none'
}
