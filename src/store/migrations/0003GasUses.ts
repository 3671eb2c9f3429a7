import type { Kysely } from 'kysely'

/** What included transactions used of their gas, and what the node would have had them pay. */
export const gasUses0003 = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { schema } = db
    // Known when a step is admitted, and told with what it used when it is final; absent in steps of before.
    await schema.alterTable('steps').addColumn('suggested', 'text').execute()
    await schema.alterTable('steps').addColumn('pace', 'text').execute()
    await schema
      .createTable('gas_uses')
      .addColumn('step_id', 'text', (column) => column.primaryKey().references('steps.id'))
      .addColumn('chain', 'text', (column) => column.notNull())
      .addColumn('contract', 'text', (column) => column.notNull())
      .addColumn('selector', 'text', (column) => column.notNull())
      .addColumn('gas_used', 'text', (column) => column.notNull())
      .addColumn('gas_limit', 'text', (column) => column.notNull())
      .addColumn('gas_price', 'text', (column) => column.notNull())
      .addColumn('fee_paid', 'text', (column) => column.notNull())
      .addColumn('succeeded', 'integer', (column) => column.notNull())
      .addColumn('suggested', 'text')
      .addColumn('pace', 'text')
      .addColumn('waited', 'integer')
      .addColumn('at', 'text', (column) => column.notNull())
      .execute()
    await schema
      .createIndex('gas_uses_kind')
      .on('gas_uses')
      .columns(['chain', 'contract', 'selector', 'at'])
      .execute()
    await schema.createIndex('gas_uses_time').on('gas_uses').columns(['at', 'step_id']).execute()
  },
}
