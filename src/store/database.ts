import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import {
  CompiledQuery,
  type DatabaseConnection,
  type Driver,
  Kysely,
  Migrator,
  SqliteDialect,
  type SqliteDialectConfig,
} from 'kysely'
import Database from 'libsql'
import { BursarError } from '../errors/bursarError.ts'
import { journal0001 } from './migrations/0001Journal.ts'
import type { JournalTables } from './schema.ts'

export type JournalDb = Kysely<JournalTables>

/** How long a writer waits for another process's transaction, which takes well under a millisecond. */
const BUSY_TIMEOUT_MS = 5_000

/**
 * SQLite whose transactions take the write lock when they begin. A deferred transaction that reads before it
 * writes fails half-way when another process wrote in between; these never do.
 */
class ImmediateSqliteDialect extends SqliteDialect {
  override createDriver(): Driver {
    const driver = super.createDriver()
    driver.beginTransaction = async (connection: DatabaseConnection) => {
      await connection.executeQuery(CompiledQuery.raw('begin immediate'))
    }
    return driver
  }
}

/** Opens, and creates or migrates, the journal at `path`. Throws `journal_unavailable`. */
export async function openDatabase(path: string): Promise<JournalDb> {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const sqlite = new Database(path, { timeout: BUSY_TIMEOUT_MS })
    // WAL lets readers and a writer work together; FULL makes a commit durable before it returns (R2).
    for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON'])
      sqlite.pragma(pragma)
    const db = new Kysely<JournalTables>({
      dialect: new ImmediateSqliteDialect({
        database: sqlite as unknown as NonNullable<SqliteDialectConfig['database']>,
      } as SqliteDialectConfig),
    })
    await migrate(db)
    return db
  } catch (error) {
    throw asJournalError(error)
  }
}

async function migrate(db: JournalDb): Promise<void> {
  const migrations = { '0001Journal': journal0001 }
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

/** A database failure as `journal_unavailable`; errors of ours pass unchanged. */
export function asJournalError(error: unknown): unknown {
  if (error instanceof BursarError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code.startsWith('SQLITE_CONSTRAINT')) return error
  const reason = code !== '' ? code : error instanceof Error ? error.message : 'unknown failure'
  return new BursarError('journal_unavailable', { reason }, { cause: error })
}
