import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  SqliteDialect,
  type SqliteDialectConfig,
} from 'kysely'
import type Database from 'libsql'
import { pause } from '../../primitives/abort.ts'

/** How long a writer waits for another process's transaction, which takes well under a millisecond. */
const BUSY_TIMEOUT_MS = 5_000
/** How much of that is waited without letting anything else run: a stopped process must not stop this one. */
export const BUSY_BLOCKING_MS = 5
const BUSY_RETRY_MS = 2

export const SAVEPOINT = CompiledQuery.raw('savepoint one')
export const RELEASE = CompiledQuery.raw('release one')
export const ROLLBACK = CompiledQuery.raw('rollback to one')
/** What says nothing of what it did: to run it as it is takes half as long as to run it prepared. */
const SILENT: ReadonlySet<string> = new Set([SAVEPOINT, RELEASE, ROLLBACK].map(({ sql }) => sql))

/** More texts than the journal's queries are; lists of values make a text for each length. */
const MOST_STATEMENTS = 256

/**
 * SQLite whose transactions take the write lock when they begin, and whose statements are prepared once. A deferred
 * transaction that reads before it writes fails half-way when another process wrote in between; these never do.
 */
export class JournalDialect extends SqliteDialect {
  readonly #sqlite: Database.Database

  constructor(sqlite: Database.Database) {
    super({ database: sqlite as unknown as NonNullable<SqliteDialectConfig['database']> })
    this.#sqlite = sqlite
  }

  override createDriver(): Driver {
    const sqlite = this.#sqlite
    const driver = super.createDriver()
    const connection = new Connection(sqlite)
    const turn = driver.acquireConnection.bind(driver)
    driver.acquireConnection = async () => {
      await turn()
      return connection
    }
    driver.beginTransaction = () => beginImmediate(sqlite)
    driver.commitTransaction = async () => void sqlite.exec('commit')
    // A full or failing disk has ended it already: to refuse that would hide why it failed.
    driver.rollbackTransaction = async () => {
      if (sqlite.inTransaction) sqlite.exec('rollback')
    }
    return driver
  }
}

/** A statement with what is asked of it each time: libsql takes longer to tell that than to run it. */
interface Prepared {
  readonly statement: Database.Statement
  /** Makes a row of what it returns; undefined when it returns nothing. */
  readonly row: ((told: unknown) => unknown) | undefined
}

/** To prepare a statement takes as long as to run it: each text is prepared once. */
class Connection implements DatabaseConnection {
  readonly #sqlite: Database.Database
  readonly #prepared = new Map<string, Prepared>()

  constructor(sqlite: Database.Database) {
    this.#sqlite = sqlite
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    if (SILENT.has(sql)) {
      this.#sqlite.exec(sql)
      return { rows: [] }
    }
    const { statement, row } = this.#prepare(sql)
    try {
      if (!row) return { rows: [], numAffectedRows: BigInt(statement.run(parameters).changes) }
      return { rows: statement.all(parameters).map((told) => row(told) as R) }
    } catch (error) {
      // What was refused half-way is left open, and is not used again.
      this.#prepared.delete(sql)
      throw error
    }
  }

  /** Answers are small: nothing asks for one in parts. */
  streamQuery(): never {
    throw new TypeError('the journal streams no answers')
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql)
    const prepared = known ?? prepare(this.#sqlite, sql)
    // The longest unused comes first.
    if (known) this.#prepared.delete(sql)
    this.#prepared.set(sql, prepared)
    const [oldest] = this.#prepared.keys()
    if (oldest !== undefined && this.#prepared.size > MOST_STATEMENTS) this.#prepared.delete(oldest)
    return prepared
  }
}

/** Which columns it returns is the schema's to say, and a later version may migrate the journal meanwhile. */
const EVERY_COLUMN = /(?:select |\.)\*/

/** Rows come as lists of values: with their names, libsql makes many of them at twice the cost. */
function prepare(sqlite: Database.Database, sql: string): Prepared {
  const statement = sqlite.prepare(sql)
  if (!statement.reader) return { statement, row: undefined }
  if (EVERY_COLUMN.test(sql)) return { statement, row: (told) => told }
  statement.raw(true)
  const columns = statement.columns().map(({ name }) => name)
  return { statement, row: (told) => named(columns, told as readonly unknown[]) }
}

function named(columns: readonly string[], values: readonly unknown[]): object {
  const row: Record<string, unknown> = {}
  for (const [index, column] of columns.entries()) row[column] = values[index]
  return row
}

/** Not a prepared statement: libsql leaves one that was refused open, and then nothing commits any more. */
export function beginImmediate(sqlite: Database.Database): Promise<void> {
  return onceNotBusy(() => sqlite.exec('begin immediate'))
}

/** Does what takes a lock as soon as no other process has it. */
export async function onceNotBusy(locking: () => void): Promise<void> {
  const until = performance.now() + BUSY_TIMEOUT_MS
  for (;;) {
    try {
      locking()
      return
    } catch (error) {
      // Also while another process recovers the file, which has a code of its own.
      if (!codeOf(error).startsWith('SQLITE_BUSY') || performance.now() >= until) throw error
      await pause(BUSY_RETRY_MS)
    }
  }
}

/** The code of an error of SQLite or of the file system; empty when it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
