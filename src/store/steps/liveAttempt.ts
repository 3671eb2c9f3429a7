import { compiled, type Values } from '../database/compiled.ts'
import type { JournalTransaction } from '../journal.ts'
import type { AttemptRow } from '../schema.ts'

/** The newest attempt of a step: the bytes that are sent. */
export async function liveAttempt(tx: JournalTransaction, stepId: string): Promise<AttemptRow | undefined> {
  return (await liveAttemptOf(tx, { stepId }))[0]
}

const liveAttemptOf = compiled((db, value: Values<{ stepId: string }>) =>
  db.selectFrom('attempts').selectAll().where('step_id', '=', value('stepId')).where('live', '=', 1),
)
