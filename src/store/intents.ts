import type { Selectable } from 'kysely'
import { compiled, insertRow, type Values } from './compiled.ts'
import type { Journal } from './journal.ts'
import { executedBy } from './operations.ts'
import type { IntentRow, IntentTable } from './schema.ts'

export type NewIntent = Omit<Selectable<IntentTable>, 'created_at'>

const intentById = compiled((db, value: Values<{ id: string }>) =>
  db.selectFrom('intents').selectAll().where('id', '=', value('id')),
)

/** A recipient as its payer meant it. */
export interface Paid {
  readonly principal: string
  readonly chain: string
  readonly account: string
  readonly recipient: string
}

const paidBefore = compiled((db, value: Values<Record<keyof Paid, string>>) =>
  db
    .selectFrom('steps')
    .innerJoin('operations', 'operations.id', 'steps.operation_id')
    .select('steps.id')
    .where('steps.chain', '=', value('chain'))
    .where('steps.account', '=', value('account'))
    .where('steps.recipient', '=', value('recipient'))
    .where('steps.state', 'in', ['included', 'safe', 'final'])
    .where('operations.principal', '=', value('principal'))
    .limit(1),
)

/** Prepared plans. Nothing here moves anything. */
export class IntentStore {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  find(id: string): Promise<IntentRow | undefined> {
    return this.#journal.read(async (db) => (await intentById(db, { id }))[0])
  }

  findByKey(principal: string, key: string): Promise<IntentRow | undefined> {
    return this.#journal.read((db) =>
      db
        .selectFrom('intents')
        .selectAll()
        .where('principal', '=', principal)
        .where('idempotency_key', '=', key)
        .executeTakeFirst(),
    )
  }

  /** Whether a payment of this account to this recipient is in a block. */
  hasPaid(paid: Paid): Promise<boolean> {
    return this.#journal.read(async (db) => (await paidBefore(db, { ...paid })).length > 0)
  }

  /**
   * Stores a new intent, or renews the one that the key already stands for while it was never executed. Returns
   * what the journal then holds: the caller compares its arguments, since another process may have come first.
   */
  save(intent: NewIntent): Promise<{ intent: IntentRow; operationId: string | undefined }> {
    return this.#journal.transact(async (tx, audit) => {
      const existing = await tx
        .selectFrom('intents')
        .selectAll()
        .where('principal', '=', intent.principal)
        .where('idempotency_key', '=', intent.idempotency_key)
        .executeTakeFirst()
      if (!existing) {
        const row = { ...intent, created_at: this.#journal.now() }
        await insertRow(tx, 'intents', row)
        audit({
          event: 'intent.prepared',
          subject: row.id,
          detail: { digest: row.digest, chain: row.chain },
        })
        return { intent: row, operationId: undefined }
      }
      const operationId = await executedBy(tx, existing.principal, 'id', existing.id)
      if (operationId !== undefined || existing.arguments !== intent.arguments) {
        return { intent: existing, operationId }
      }
      const renewed = { digest: intent.digest, plan: intent.plan, expires_at: intent.expires_at }
      await tx.updateTable('intents').set(renewed).where('id', '=', existing.id).execute()
      audit({ event: 'intent.renewed', subject: existing.id, detail: { digest: intent.digest } })
      return { intent: { ...existing, ...renewed }, operationId: undefined }
    })
  }
}
