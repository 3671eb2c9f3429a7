import type { Compilable, CompiledQuery, Insertable, Kysely, Transaction } from 'kysely'
import type { JournalTables } from './schema.ts'

type Db = Kysely<JournalTables> | Transaction<JournalTables>
type Scalar = string | number | null

/** Stands for what each run of a query gives by that name. */
export type Values<V> = <K extends keyof V>(name: K) => V[K]

/** Where the value of that name belongs. */
class Slot {
  readonly name: PropertyKey

  constructor(name: PropertyKey) {
    this.name = name
  }
}

/**
 * A query of the hot path: built and compiled at its first run, since that takes longer than to run it. Answers with
 * its rows. A value may be null, which equals nothing: it never means `is null`.
 */
export function compiled<V extends Readonly<Record<keyof V, Scalar>>, R>(
  build: (db: Db, value: Values<V>) => Compilable<R>,
): (db: Db, values: V) => Promise<R[]> {
  let query: CompiledQuery<R> | undefined
  return async (db, values) => {
    query ??= build(db, (name) => new Slot(name) as never).compile()
    const given = (each: unknown) => (each instanceof Slot ? values[each.name as keyof V] : each)
    const { rows } = await db.executeQuery<R>({ ...query, parameters: query.parameters.map(given) })
    return rows
  }
}

type Row = Readonly<Record<string, Scalar>>

const inserts = new Map<string, (db: Db, row: Row) => Promise<unknown>>()

/** Inserts one row; built once for each set of columns. */
export async function insertRow<T extends keyof JournalTables>(
  tx: Transaction<JournalTables>,
  table: T,
  row: Insertable<JournalTables[T]>,
): Promise<void> {
  const columns = Object.keys(row)
  const key = `${table} ${columns}`
  const insert =
    inserts.get(key) ??
    compiled<Row, unknown>((db, value) => {
      const slots: unknown = Object.fromEntries(columns.map((column) => [column, value(column)]))
      return db.insertInto(table).values(slots as Insertable<JournalTables[T]>)
    })
  inserts.set(key, insert)
  await insert(tx, row as Row)
}
