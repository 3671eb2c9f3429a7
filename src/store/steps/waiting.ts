import { compiled, type Values } from '../database/compiled.ts'
import type { JournalTransaction } from '../journal.ts'
import type { OperationRow } from '../schema.ts'

/** Whether an operation that has not ended waits for too long. */
export async function setWaiting(
  tx: JournalTransaction,
  stepId: string,
  state: 'running' | 'stuck',
): Promise<void> {
  await updateWaiting(tx, { stepId, from: state === 'running' ? 'stuck' : 'running', state })
}

type Waiting = Extract<OperationRow['state'], 'running' | 'stuck'>

const updateWaiting = compiled((db, value: Values<{ stepId: string; from: Waiting; state: Waiting }>) =>
  db
    .updateTable('operations')
    .set({ state: value('state') })
    .where('state', '=', value('from'))
    .where('id', '=', (query) =>
      query.selectFrom('steps').select('operation_id').where('id', '=', value('stepId')),
    ),
)
