import type { Kysely } from 'kysely'

/** A step may be several calls at once, and pay more than one recipient. */
export const batches0005 = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('steps').addColumn('calls', 'integer').execute()
    await db.schema
      .createTable('payees')
      .addColumn('step_id', 'text', (column) => column.notNull().references('steps.id'))
      .addColumn('chain', 'text', (column) => column.notNull())
      .addColumn('account', 'text', (column) => column.notNull())
      .addColumn('recipient', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('payees_pkey', ['chain', 'account', 'recipient', 'step_id'])
      .execute()
  },
}
