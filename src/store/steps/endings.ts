import { compiled, compiledChange, type Values } from '../database/compiled.ts'
import type { JournalTransaction } from '../journal.ts'
import type { OperationRow, StepRow } from '../schema.ts'

export type Ending = Extract<OperationRow['state'], 'committed' | 'failed' | 'compensated'>

/** What decides how an operation ends. */
type EndedStep = Pick<StepRow, 'role' | 'state' | 'ended'>

/**
 * Ends the operation of a step that has just ended: as `alone` when it has no other. Answers how; undefined when other
 * steps are under way, or when what was allowed for it is still to be taken back.
 */
export async function endOperation(
  tx: JournalTransaction,
  stepId: string,
  alone: Ending,
): Promise<Ending | undefined> {
  if ((await endWithOneStep(tx, { stepId, state: alone })) > 0n) return alone
  const state = endingOf(await stepsBeside(tx, { stepId }))
  if (state !== undefined) await end(tx, { stepId, state })
  return state
}

/** How an operation of several steps ends; undefined when it has not. */
function endingOf(steps: readonly EndedStep[]): Ending | undefined {
  if (steps.some(({ ended }) => ended === 0)) return undefined
  const final = new Set(steps.filter(({ state }) => state === 'final').map(({ role }) => role))
  if (final.has('pivot')) return 'committed'
  if (!final.has('approval')) return 'failed'
  return final.has('undo') ? 'compensated' : undefined
}

const stepsBeside = compiled((db, value: Values<{ stepId: string }>) =>
  db
    .selectFrom('steps as own')
    .innerJoin('steps', 'steps.operation_id', 'own.operation_id')
    .select(['steps.role', 'steps.state', 'steps.ended'])
    .where('own.id', '=', value('stepId')),
)

const ENDS = { lease_owner: null, lease_until: null }

const end = compiledChange((db, value: Values<{ stepId: string; state: Ending }>) =>
  db
    .updateTable('operations')
    .set({ state: value('state'), ...ENDS })
    .where('id', '=', (query) =>
      query.selectFrom('steps').select('operation_id').where('id', '=', value('stepId')),
    ),
)

const endWithOneStep = compiledChange((db, value: Values<{ stepId: string; state: Ending }>) =>
  db
    .updateTable('operations')
    .set({ state: value('state'), ...ENDS })
    .where('id', '=', (query) =>
      query.selectFrom('steps').select('operation_id').where('id', '=', value('stepId')),
    )
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom('steps')
            .select('steps.id')
            .whereRef('steps.operation_id', '=', 'operations.id')
            .where('steps.id', '!=', value('stepId')),
        ),
      ),
    ),
)
