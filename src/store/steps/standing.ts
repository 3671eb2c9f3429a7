import { compiledByColumns, compiledChange, type Values } from '../database/compiled.ts'
import { openOperation } from './openSteps.ts'

const STANDS = 'it stands: '

/** What the step says that has approved, while that could not be taken back. */
export const standingNote = (why: string) => `${STANDS}it could not be taken back (${why})`

/** Changes an approval, which has ended, while its operation has not. */
export const ofOpenOperation = compiledByColumns((db, { id, ...change }) =>
  db
    .updateTable('steps')
    .set(change)
    .where('id', '=', id as string)
    .where((or) => or.exists(openOperation(or))),
)

/** It is being taken back. */
export const stopStanding = compiledChange((db, value: Values<{ operationId: string }>) =>
  db
    .updateTable('steps')
    .set({ note: null })
    .where('operation_id', '=', value('operationId'))
    .where('role', '=', 'approval')
    .where('note', 'like', `${STANDS}%`),
)
