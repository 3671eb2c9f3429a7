import { type Kysely, sql } from 'kysely'

/** What an operator may stop and switch while servers run, and an audit log that the database itself keeps as it is. */
export const controls0009 = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { schema } = db
    await schema
      .createTable('halts')
      .addColumn('wallet', 'text', (column) => column.notNull())
      .addColumn('chain', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('since', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('halts_pkey', ['wallet', 'chain'])
      .execute()
    await schema
      .createTable('flag_sets')
      .addColumn('id', 'integer', (column) => column.primaryKey())
      .addColumn('previous', 'integer')
      .addColumn('at', 'text', (column) => column.notNull())
      .addColumn('rules', 'text', (column) => column.notNull())
      .execute()
    await schema
      .createTable('flag_stops')
      .addColumn('flag', 'text', (column) => column.primaryKey())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('since', 'text', (column) => column.notNull())
      .execute()
    await schema
      .createTable('flag_uses')
      .addColumn('operation_id', 'text', (column) => column.notNull().references('operations.id'))
      .addColumn('flag', 'text', (column) => column.notNull())
      .addColumn('variant', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('flag_uses_pkey', ['flag', 'operation_id'])
      .execute()
    await schema.alterTable('steps').addColumn('included_at', 'text').execute()
    for (const trigger of APPEND_ONLY) await sql.raw(trigger).execute(db)
  },
}

/**
 * A row is appended after the last one or not at all, so `insert or replace` overwrites none. Whoever may write the file
 * can take these away, which the chain of hashes shows.
 */
const APPEND_ONLY = [
  `create trigger audit_no_update before update on audit
    begin select raise(abort, 'the audit log is append-only'); end`,
  `create trigger audit_no_delete before delete on audit
    begin select raise(abort, 'the audit log is append-only'); end`,
  `create trigger audit_no_insert before insert on audit
    when new.seq <= (select max(seq) from audit)
    begin select raise(abort, 'the audit log is append-only'); end`,
]
