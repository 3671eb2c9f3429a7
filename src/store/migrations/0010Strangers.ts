import { type Kysely, sql } from 'kysely'

/** The address book, and whom we pay by what their addresses look like. */
export const strangers0010 = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { schema } = db
    await schema
      .createTable('counterparties')
      .addColumn('chain', 'text', (column) => column.notNull())
      .addColumn('account', 'text', (column) => column.notNull())
      .addColumn('recipient', 'text', (column) => column.notNull())
      .addColumn('ends', 'text', (column) => column.notNull())
      .addColumn('head', 'text', (column) => column.notNull())
      .addColumn('tail', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('counterparties_pkey', ['chain', 'account', 'recipient'])
      .execute()
    await schema
      .createTable('contacts')
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('chain', 'text', (column) => column.notNull())
      .addColumn('address', 'text', (column) => column.notNull())
      .addColumn('skeleton', 'text', (column) => column.notNull())
      .addColumn('ends', 'text', (column) => column.notNull())
      .addColumn('head', 'text', (column) => column.notNull())
      .addColumn('tail', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('contacts_pkey', ['name', 'chain'])
      .execute()
    await schema.createIndex('contacts_skeleton').on('contacts').column('skeleton').execute()
    await schema.createIndex('contacts_address').on('contacts').column('address').execute()
    for (const table of ['counterparties', 'contacts'])
      for (const part of ['ends', 'head', 'tail'])
        await schema.createIndex(`${table}_${part}`).on(table).column(part).execute()
    // What was paid before this version counts as well.
    for (const paid of ['steps', 'payees'])
      await sql`
        insert into counterparties (chain, account, recipient, ends, head, tail)
        select distinct chain, account, recipient,
          lower(substr(recipient, 3, 4) || substr(recipient, 39, 4)),
          lower(substr(recipient, 3, 8)), lower(substr(recipient, 35, 8))
        from ${sql.table(paid)} as paid
        where length(recipient) = 42 and substr(recipient, 1, 2) = '0x' and not exists (
          select 1 from counterparties as known
          where known.chain = paid.chain and known.account = paid.account and known.recipient = paid.recipient
        )`.execute(db)
  },
}
