import { type Kysely, sql } from 'kysely'

/** Bearer tokens of clients over HTTP, without their secrets. */
export const tokens0008 = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('tokens')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('hash', 'text', (column) => column.notNull())
      .addColumn('principal', 'text', (column) => column.notNull())
      .addColumn('scopes', 'text', (column) => column.notNull())
      .addColumn('audience', 'text', (column) => column.notNull())
      .addColumn('created_at', 'text', (column) => column.notNull())
      .addColumn('expires_at', 'text')
      .addColumn('revoked_at', 'text')
      .addColumn('last_used_at', 'text')
      .execute()
    // A name is free again when its token is revoked.
    await db.schema
      .createIndex('tokens_name')
      .unique()
      .on('tokens')
      .column('name')
      .where(sql<boolean>`revoked_at is null`)
      .execute()
  },
}
