import type { Kysely } from 'kysely'

/** Whether an account has paid somebody before is asked with each payment. */
export const recipients0002 = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createIndex('steps_recipient')
      .on('steps')
      .columns(['chain', 'account', 'recipient'])
      .execute()
  },
}
