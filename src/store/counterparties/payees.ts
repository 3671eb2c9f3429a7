import { compiled, insertRows, type Values } from '../database/compiled.ts'
import type { JournalDb } from '../database/database.ts'
import type { JournalTransaction } from '../journal.ts'
import type { StepRow } from '../schema.ts'
import { IN_A_BLOCK } from './counterparties.ts'

/** A recipient as its payer meant it. */
export interface Paid {
  readonly principal: string
  readonly chain: string
  readonly account: string
  readonly recipient: string
}

const paidAlone = compiled((db, value: Values<Record<keyof Paid, string>>) =>
  db
    .selectFrom('steps')
    .innerJoin('operations', 'operations.id', 'steps.operation_id')
    .select('steps.id')
    .where('steps.chain', '=', value('chain'))
    .where('steps.account', '=', value('account'))
    .where('steps.recipient', '=', value('recipient'))
    .where('steps.state', 'in', IN_A_BLOCK)
    .where('operations.principal', '=', value('principal'))
    .limit(1),
)

const paidWithOthers = compiled((db, value: Values<Record<keyof Paid, string>>) =>
  db
    .selectFrom('payees')
    .innerJoin('steps', 'steps.id', 'payees.step_id')
    .innerJoin('operations', 'operations.id', 'steps.operation_id')
    .select('steps.id')
    .where('payees.chain', '=', value('chain'))
    .where('payees.account', '=', value('account'))
    .where('payees.recipient', '=', value('recipient'))
    .where('steps.state', 'in', IN_A_BLOCK)
    .where('operations.principal', '=', value('principal'))
    .limit(1),
)

/** Whether a payment of this account to this recipient is in a block, by itself or in a batch. */
export async function hasPaid(db: JournalDb, paid: Paid): Promise<boolean> {
  if ((await paidAlone(db, { ...paid })).length > 0) return true
  return (await paidWithOthers(db, { ...paid })).length > 0
}

/** Notes whom a batch pays. */
export function insertPayees(
  tx: JournalTransaction,
  { id, chain, account }: Pick<StepRow, 'id' | 'chain' | 'account'>,
  recipients: readonly string[],
): Promise<void> {
  const rows = [...new Set(recipients)].map((recipient) => ({ step_id: id, chain, account, recipient }))
  return insertRows(tx, 'payees', rows)
}
