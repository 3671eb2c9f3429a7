import type { Kysely } from 'kysely'

/** At which nonce a signer elsewhere was asked to sign a step, and how often it was without having refused. */
export const askedSignatures0012 = {
  async up(db: Kysely<unknown>): Promise<void> {
    const { schema } = db
    await schema.alterTable('steps').addColumn('asked_nonce', 'text').execute()
    await schema
      .alterTable('steps')
      .addColumn('asks', 'integer', (column) => column.notNull().defaultTo(0))
      .execute()
  },
}
