import { type Kysely, sql } from 'kysely'

/**
 * Operations of several steps: each says what it is for and whether it has ended, which its operation no longer tells,
 * and an intent is signed once for each of them. A constraint of a column cannot be dropped in SQLite, so the table of
 * attempts is made anew.
 */
export const stepRoles0004 = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { schema } = db
    await schema
      .alterTable('steps')
      .addColumn('role', 'text', (column) => column.notNull().defaultTo('pivot'))
      .execute()
    await schema
      .alterTable('steps')
      .addColumn('ended', 'integer', (column) => column.notNull().defaultTo(0))
      .execute()
    await sql`update steps set ended = 1 where exists (
      select 1 from operations where operations.id = steps.operation_id and operations.state in ('committed', 'failed')
    )`.execute(db)
    await schema
      .createTable('attempts_0004')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('step_id', 'text', (column) => column.notNull().references('steps.id'))
      .addColumn('intent_id', 'text', (column) => column.notNull().references('intents.id'))
      .addColumn('chain', 'text', (column) => column.notNull())
      .addColumn('account', 'text', (column) => column.notNull())
      .addColumn('nonce', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull().unique())
      .addColumn('raw', 'text', (column) => column.notNull())
      .addColumn('receipt', 'text', (column) => column.notNull())
      .addColumn('kind', 'text', (column) => column.notNull())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('live', 'integer', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addUniqueConstraint('attempts_intent', ['intent_id', 'step_id'])
      .execute()
    const columns = sql.raw(COLUMNS.join())
    await sql`insert into attempts_0004 (${columns}) select ${columns} from attempts`.execute(db)
    await schema.dropTable('attempts').execute()
    await schema.alterTable('attempts_0004').renameTo('attempts').execute()
    await schema
      .createIndex('attempts_fence')
      .unique()
      .on('attempts')
      .columns(['chain', 'account', 'nonce'])
      .where(sql<boolean>`live = 1`)
      .execute()
    await schema.createIndex('attempts_step').on('attempts').column('step_id').execute()
  },
}

const COLUMNS = [
  ...['id', 'step_id', 'intent_id', 'chain', 'account', 'nonce', 'hash', 'raw'],
  ...['receipt', 'kind', 'state', 'live', 'created_at'],
]
