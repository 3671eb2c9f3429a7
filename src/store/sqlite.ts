import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  SqliteDialect,
  type SqliteDialectConfig,
} from 'kysely'
import type Database from 'libsql'
import { pause } from '../primitives/abort.ts'

/** How long a writer waits for another process's transaction, which takes well under a millisecond. */
const BUSY_TIMEOUT_MS = 5_000
/** How much of that is waited without letting anything else run: a stopped process must not stop this one. */
export const BUSY_BLOCKING_MS = 5
const BUSY_RETRY_MS = 2

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

/** To prepare a statement takes as long as to run it: each text is prepared once. */
class Connection implements DatabaseConnection {
  readonly #sqlite: Database.Database
  readonly #statements = new Map<string, Database.Statement>()

  constructor(sqlite: Database.Database) {
    this.#sqlite = sqlite
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const statement = this.#statement(sql)
    try {
      if (statement.reader) return { rows: statement.all(parameters) as R[] }
      return { rows: [], numAffectedRows: BigInt(statement.run(parameters).changes) }
    } catch (error) {
      // What was refused half-way is left open, and is not used again.
      this.#statements.delete(sql)
      throw error
    }
  }

  /** Answers are small: nothing asks for one in parts. */
  streamQuery(): never {
    throw new TypeError('the journal streams no answers')
  }

  #statement(sql: string): Database.Statement {
    const known = this.#statements.get(sql)
    const statement = known ?? this.#sqlite.prepare(sql)
    // The longest unused comes first.
    if (known) this.#statements.delete(sql)
    this.#statements.set(sql, statement)
    const [oldest] = this.#statements.keys()
    if (oldest !== undefined && this.#statements.size > MOST_STATEMENTS) this.#statements.delete(oldest)
    return statement
  }
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
      if (codeOf(error) !== 'SQLITE_BUSY' || performance.now() >= until) throw error
      await pause(BUSY_RETRY_MS)
    }
  }
}

/** The code of an error of SQLite or of the file system; empty when it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
