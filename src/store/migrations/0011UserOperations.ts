import type { Kysely } from 'kysely'

/** What a user operation was included by: its own hash is no transaction's. */
export const userOperations0011 = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema.alterTable('steps').addColumn('transaction_hash', 'text').execute()
  },
}
