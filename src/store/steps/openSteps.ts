import type { ExpressionBuilder } from 'kysely'
import { BursarError } from '../../errors/bursarError.ts'
import { compiled, type Values } from '../database/compiled.ts'
import { haltsInForce } from '../halts.ts'
import type { JournalTransaction } from '../journal.ts'
import type { JournalTables, OperationRow, StepRow } from '../schema.ts'

const OPEN: readonly OperationRow['state'][] = ['running', 'stuck']

/** A step whose operation has not ended. */
export interface OpenStep {
  readonly state: StepRow['state']
  /** What led to the operation. */
  readonly intent_id: string
  /** The one that it holds. */
  readonly nonce: string | null
  readonly wallet: string
  /** The nonce at which a signer elsewhere may have signed it. */
  readonly asked_nonce: string | null
  /** How many halts are in force, of whatever. */
  readonly halts: number
}

/**
 * A step while neither it nor its operation has ended; undefined when one has. A process that was paused past its lease
 * may still try to move a step that another one has ended: what has ended stays as it is (F16).
 */
export async function openStep(tx: JournalTransaction, stepId: string): Promise<OpenStep | undefined> {
  return (await openStepById(tx, { stepId }))[0]
}

const openStepById = compiled((db, value: Values<{ stepId: string }>) =>
  db
    .selectFrom('steps')
    .innerJoin('operations', 'operations.id', 'steps.operation_id')
    .leftJoin('nonces', 'nonces.step_id', 'steps.id')
    .select(['steps.state', 'steps.asked_nonce', 'operations.intent_id', 'operations.wallet', 'nonces.nonce'])
    .select(haltsInForce)
    .where('steps.id', '=', value('stepId'))
    .where('steps.ended', '=', 0)
    .where('operations.state', 'in', OPEN),
)

/** Whether an operation has not ended. */
export async function isOpen(tx: JournalTransaction, operationId: string): Promise<boolean> {
  return (await openById(tx, { operationId })).length > 0
}

const openById = compiled((db, value: Values<{ operationId: string }>) =>
  db.selectFrom('operations').select('id').where('id', '=', value('operationId')).where('state', 'in', OPEN),
)

/** The operation of the step that is being looked at, when it has not ended. */
export function openOperation(query: ExpressionBuilder<JournalTables, 'steps'>) {
  return query
    .selectFrom('operations')
    .select('operations.id')
    .whereRef('operations.id', '=', 'steps.operation_id')
    .where('operations.state', 'in', OPEN)
}

/** Throws `receipt_refused` when the step has ended: its caller was told that nothing moved. */
export function requireOpen(open: OpenStep | undefined, { chain }: Pick<StepRow, 'chain'>): OpenStep {
  if (open) return open
  const reason = 'its operation was ended before it was signed'
  throw new BursarError('receipt_refused', { reason }, { chain })
}
