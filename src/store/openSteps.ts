import { BursarError } from '../errors/bursarError.ts'
import type { JournalTransaction } from './journal.ts'
import type { StepRow } from './schema.ts'

/**
 * The state of a step whose operation has not ended; undefined when it has. A process that was paused past its lease
 * may still try to move a step that another one has ended: what has ended stays as it is (F16).
 */
export async function openState(
  tx: JournalTransaction,
  stepId: string,
): Promise<StepRow['state'] | undefined> {
  const row = await tx
    .selectFrom('steps')
    .innerJoin('operations', 'operations.id', 'steps.operation_id')
    .select('steps.state')
    .where('steps.id', '=', stepId)
    .where('operations.state', 'in', ['running', 'stuck'])
    .executeTakeFirst()
  return row?.state
}

/** Throws `receipt_refused` when the step's operation has ended: its caller was told that nothing moved. */
export async function requireOpen(
  tx: JournalTransaction,
  step: Pick<StepRow, 'id' | 'chain'>,
): Promise<void> {
  if ((await openState(tx, step.id)) !== undefined) return
  const reason = 'its operation was ended before it was signed'
  throw new BursarError('receipt_refused', { reason }, { chain: step.chain })
}
