import type { Kysely } from 'kysely'

/** Intents that a person has to approve, and the approvals that can never count again. */
export const approvals0007 = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('approvals')
      .addColumn('intent_id', 'text', (column) => column.primaryKey().references('intents.id'))
      .addColumn('digest', 'text', (column) => column.notNull())
      .addColumn('plan_digest', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('statement', 'text')
      .addColumn('signature', 'text')
      .addColumn('signer', 'text')
      .addColumn('reason', 'text')
      .addColumn('operation_id', 'text', (column) => column.references('operations.id'))
      .addColumn('requested_at', 'text', (column) => column.notNull())
      .addColumn('updated_at', 'text', (column) => column.notNull())
      .execute()
    await db.schema.createIndex('approvals_open').on('approvals').columns(['state', 'requested_at']).execute()
    await db.schema
      .createTable('spent_approvals')
      .addColumn('random', 'text', (column) => column.primaryKey())
      .addColumn('intent_id', 'text', (column) => column.notNull().references('intents.id'))
      .addColumn('at', 'text', (column) => column.notNull())
      .execute()
  },
}
