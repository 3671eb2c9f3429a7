import { compiled, type Values } from './database/compiled.ts'
import type { JournalDb } from './database/database.ts'
import type { JournalTransaction } from './journal.ts'

/** The operation of the intent with that id or key, or in which its replacement was signed. */
export async function executedBy(
  db: JournalDb | JournalTransaction,
  principal: string,
  column: keyof typeof executions,
  value: string,
): Promise<string | undefined> {
  const [found] = await executions[column](db, { principal, value })
  return found?.own ?? found?.replaced ?? undefined
}

const executions = { id: executionsBy('id'), idempotency_key: executionsBy('idempotency_key') }

function executionsBy(column: 'id' | 'idempotency_key') {
  return compiled((db, value: Values<{ principal: string; value: string }>) =>
    db
      .selectFrom('intents')
      .leftJoin('operations', 'operations.intent_id', 'intents.id')
      .leftJoin('attempts', 'attempts.intent_id', 'intents.id')
      .leftJoin('steps', 'steps.id', 'attempts.step_id')
      .select(['operations.id as own', 'steps.operation_id as replaced'])
      .where('intents.principal', '=', value('principal'))
      .where(`intents.${column}`, '=', value('value')),
  )
}
