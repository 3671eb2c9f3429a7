import type { Insertable, Kysely } from 'kysely'
import { padNumber, unpadNumber } from '../database/paddedNumber.ts'
import type { JournalTables, SpendRow, SpendSumTable } from '../schema.ts'
import { bucketsOf, FEES } from '../spending/spentWindow.ts'

/** What each step counts for towards caps over time, and the sums of it by minute, hour and day. */
export const spends0006 = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('spends')
      .addColumn('step_id', 'text', (column) => column.notNull().references('steps.id'))
      .addColumn('asset', 'text', (column) => column.notNull())
      .addColumn('recipient', 'text', (column) => column.notNull())
      .addColumn('account', 'text', (column) => column.notNull())
      .addColumn('principal', 'text', (column) => column.notNull())
      .addColumn('raw', 'text', (column) => column.notNull())
      .addColumn('at', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('spends_pkey', ['step_id', 'asset', 'recipient'])
      .execute()
    await db.schema
      .createTable('spend_sums')
      .addColumn('asset', 'text', (column) => column.notNull())
      .addColumn('recipient', 'text', (column) => column.notNull())
      .addColumn('level', 'integer', (column) => column.notNull())
      .addColumn('start', 'integer', (column) => column.notNull())
      .addColumn('account', 'text', (column) => column.notNull())
      .addColumn('principal', 'text', (column) => column.notNull())
      .addColumn('raw', 'text', (column) => column.notNull())
      .addPrimaryKeyConstraint('spend_sums_pkey', [
        ...(['asset', 'recipient', 'level', 'start', 'account', 'principal'] as const),
      ])
      .execute()
    await countEarlier(db as Kysely<JournalTables>)
  },
}

const PAGE = 5_000

/** What was held or spent before counts as well, for nobody in particular: caps over time look back. */
async function countEarlier(db: Kysely<JournalTables>): Promise<void> {
  const sums = new Map<string, Insertable<SpendSumTable>>()
  for (let after = ''; ; ) {
    const page = await earlier(db, after)
    const last = page.at(-1)
    if (!last) break
    after = last.id
    const rows = page.map(({ id: _id, kind, asset, created_at, ...one }) => ({
      ...{ ...one, asset: kind === 'fee' ? `${FEES}${asset}` : asset, recipient: '' },
      at: padNumber(BigInt(Date.parse(created_at))),
    }))
    for (let at = 0; at < rows.length; at += 100)
      await db
        .insertInto('spends')
        .values(rows.slice(at, at + 100))
        .execute()
    for (const row of rows) sumUp(sums, row)
  }
  const all = [...sums.values()]
  for (let at = 0; at < all.length; at += 100)
    await db
      .insertInto('spend_sums')
      .values(all.slice(at, at + 100))
      .execute()
}

function earlier(db: Kysely<JournalTables>, after: string) {
  return db
    .selectFrom('reservations')
    .innerJoin('steps', 'steps.id', 'reservations.step_id')
    .innerJoin('operations', 'operations.id', 'steps.operation_id')
    .select(['reservations.id', 'reservations.step_id', 'reservations.account', 'reservations.asset'])
    .select(['reservations.kind', 'reservations.raw', 'reservations.created_at', 'operations.principal'])
    .where('reservations.state', '!=', 'released')
    .where('reservations.id', '>', after)
    .orderBy('reservations.id')
    .limit(PAGE)
    .execute()
}

function sumUp(sums: Map<string, Insertable<SpendSumTable>>, row: SpendRow): void {
  const { asset, recipient, account, principal, raw } = row
  for (const { level, start } of bucketsOf(Number(unpadNumber(row.at)))) {
    const key = [asset, account, principal, level, start].join(' ')
    const sum = BigInt(sums.get(key)?.raw ?? 0) + BigInt(raw)
    sums.set(key, { asset, recipient, level, start, account, principal, raw: sum.toString() })
  }
}
