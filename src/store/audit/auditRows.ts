import type { Selectable } from 'kysely'
import { compiled, type Values } from '../database/compiled.ts'
import type { JournalDb } from '../database/database.ts'
import type { AuditTable } from '../schema.ts'

export type AuditRow = Selectable<AuditTable>

/** Whatever a journal, or a copy of one, can be asked with. */
export interface Readable {
  read<T>(query: (db: JournalDb) => Promise<T>): Promise<T>
}

/** So many rows are in memory at a time, and no read lasts longer: servers go on writing meanwhile. */
const PAGE = 1_000

/** Every row of the audit log in the order of its numbers, also those that are appended meanwhile. */
export async function* auditRows(source: Readable): AsyncGenerator<AuditRow> {
  let after = Number.MIN_SAFE_INTEGER
  for (;;) {
    const page = await source.read((db) => rowsAfter(db, { after }))
    yield* page
    const last = page.at(-1)
    if (last === undefined || page.length < PAGE) return
    after = last.seq
  }
}

const COLUMNS = ['seq', 'at', 'event', 'subject', 'detail', 'previous', 'hash'] as const

const rowsAfter = compiled((db, value: Values<{ after: number }>) =>
  db.selectFrom('audit').select(COLUMNS).where('seq', '>', value('after')).orderBy('seq').limit(PAGE),
)

/** The row of that number. */
export async function auditRow(source: Readable, seq: number): Promise<AuditRow | undefined> {
  return (await source.read((db) => rowBySeq(db, { seq })))[0]
}

const rowBySeq = compiled((db, value: Values<{ seq: number }>) =>
  db.selectFrom('audit').select(COLUMNS).where('seq', '=', value('seq')),
)

/** The newest row. */
export async function auditHead(source: Readable): Promise<AuditRow | undefined> {
  return (await source.read((db) => newestRow(db, {})))[0]
}

const newestRow = compiled((db, _value: Values<object>) =>
  db.selectFrom('audit').select(COLUMNS).orderBy('seq', 'desc').limit(1),
)
