import type { Compilable, CompiledQuery, Insertable, Kysely, QueryResult, Transaction } from 'kysely'
import type { JournalTables } from '../schema.ts'

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
  const run = onceCompiled(build)
  return async (db, values) => (await run(db, values)).rows
}

/** The same for what changes rows. Answers how many. */
export function compiledChange<V extends Readonly<Record<keyof V, Scalar>>>(
  build: (db: Db, value: Values<V>) => Compilable<unknown>,
): (db: Db, values: V) => Promise<bigint> {
  const run = onceCompiled(build)
  return async (db, values) => (await run(db, values)).numAffectedRows as bigint
}

function onceCompiled<V extends Readonly<Record<keyof V, Scalar>>, R>(
  build: (db: Db, value: Values<V>) => Compilable<R>,
): (db: Db, values: V) => Promise<QueryResult<R>> {
  let query: CompiledQuery<R> | undefined
  return (db, values) => {
    query ??= build(db, (name) => new Slot(name) as never).compile()
    const given = (each: unknown) => (each instanceof Slot ? values[each.name as keyof V] : each)
    return db.executeQuery<R>({ ...query, parameters: query.parameters.map(given) })
  }
}

export type Row = Readonly<Record<string, Scalar>>

/** A change that is built once for each set of columns. Answers how many rows it changed. */
export function compiledByColumns(
  build: (db: Db, slots: Row) => Compilable<unknown>,
): (db: Db, row: Row) => Promise<bigint> {
  const known = new Map<string, (db: Db, row: Row) => Promise<bigint>>()
  return (db, row) => {
    const columns = Object.keys(row)
    const key = columns.join()
    const change =
      known.get(key) ??
      compiledChange<Row>((db, value) =>
        build(db, Object.fromEntries(columns.map((column) => [column, value(column)]))),
      )
    known.set(key, change)
    return change(db, row)
  }
}

/** How many rows one statement inserts: few numbers, so that few statements are kept. */
const TOGETHER = [16, 4, 2] as const

const inserts = new Map<string, CompiledQuery>()

/** Inserts rows that have the same columns. */
export async function insertRows<T extends keyof JournalTables>(
  tx: Transaction<JournalTables>,
  table: T,
  rows: readonly Insertable<JournalTables[T]>[],
): Promise<void> {
  for (let at = 0; at < rows.length; ) {
    const count = TOGETHER.find((most) => most <= rows.length - at) ?? 1
    const some = rows.slice(at, at + count)
    const columns = Object.keys(rows[at] as Row)
    at += count
    const key = `${table} ${count} ${columns}`
    const query = inserts.get(key) ?? tx.insertInto(table).values(some).compile()
    inserts.set(key, query)
    // By name: each row may tell them in an order of its own.
    const parameters = some.flatMap((row) => columns.map((column) => (row as Row)[column]))
    await tx.executeQuery({ ...query, parameters })
  }
}

/** Inserts one row; built once for each set of columns. */
export function insertRow<T extends keyof JournalTables>(
  tx: Transaction<JournalTables>,
  table: T,
  row: Insertable<JournalTables[T]>,
): Promise<void> {
  return insertRows(tx, table, [row])
}
