import { closeSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { Kysely, Migrator } from 'kysely'
import type Database from 'libsql'
import manifest from '../../../package.json' with { type: 'json' }
import { BursarError } from '../../errors/bursarError.ts'
import { makeFolder } from '../../primitives/makeFolder.ts'
import { journal0001 } from '../migrations/0001Journal.ts'
import { recipients0002 } from '../migrations/0002Recipients.ts'
import { gasUses0003 } from '../migrations/0003GasUses.ts'
import { stepRoles0004 } from '../migrations/0004StepRoles.ts'
import { batches0005 } from '../migrations/0005Batches.ts'
import { spends0006 } from '../migrations/0006Spends.ts'
import { approvals0007 } from '../migrations/0007Approvals.ts'
import { tokens0008 } from '../migrations/0008Tokens.ts'
import { controls0009 } from '../migrations/0009Controls.ts'
import { strangers0010 } from '../migrations/0010Strangers.ts'
import { userOperations0011 } from '../migrations/0011UserOperations.ts'
import { askedSignatures0012 } from '../migrations/0012AskedSignatures.ts'
import type { JournalTables } from '../schema.ts'
import { BUSY_BLOCKING_MS, beginImmediate, codeOf, JournalDialect, onceNotBusy } from './sqlite.ts'

export type JournalDb = Kysely<JournalTables>

/** Opens, and creates or migrates, the journal at `path`. Throws `journal_unavailable` or `journal_missing`. */
export async function openDatabase(path: string): Promise<JournalDb> {
  const Database = await loadDriver()
  try {
    makeFolder(dirname(path))
    makePrivately(path)
    const sqlite = new Database(path, { timeout: BUSY_BLOCKING_MS })
    // WAL lets readers and a writer work together; FULL makes a commit durable before it returns (R2). Where two
    // processes create the file, SQLite refuses the second's switch to WAL at once, whatever its time-out is.
    for (const pragma of ['journal_mode = WAL', 'synchronous = FULL', 'foreign_keys = ON'])
      await onceNotBusy(() => sqlite.pragma(pragma))
    const db = new Kysely<JournalTables>({
      dialect: new JournalDialect(sqlite),
    })
    await migrate(db, sqlite)
    return db
  } catch (error) {
    throw asJournalError(error)
  }
}

/**
 * Makes the file for its owner alone where there is none; SQLite gives what it keeps beside it the same permissions.
 * Whoever reads a journal has the bytes that are signed and held back, by a halt or for a private relay, and can send them.
 */
function makePrivately(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch {
    // Mostly it is there; what else is wrong SQLite says.
  }
}

/** Opens a journal that is only looked at, and must be there. Throws `journal_unavailable` or `journal_missing`. */
export async function openCopy(path: string): Promise<JournalDb> {
  const Database = await loadDriver()
  try {
    // The driver makes a file that is missing, whatever it is told.
    statSync(path)
    const sqlite = new Database(path, { readonly: true, timeout: BUSY_BLOCKING_MS })
    sqlite.pragma('query_only = ON')
    return new Kysely<JournalTables>({ dialect: new JournalDialect(sqlite) })
  } catch (error) {
    throw asJournalError(error)
  }
}

/** libsql, whose native half is an optional package of its own: npm leaves it out with --omit=optional. */
async function loadDriver(): Promise<typeof Database> {
  try {
    return (await import('libsql')).default
  } catch (error) {
    const [, name] = /Cannot find module '(@libsql\/[\w-]+)'/.exec(String(error)) ?? []
    const missing = `${name ?? 'libsql'}@${manifest.dependencies.libsql}`
    throw new BursarError('journal_missing', { package: missing }, { cause: error })
  }
}

/**
 * All migrations in one transaction that other processes wait for. Kysely uses neither a transaction nor a lock for
 * SQLite's migrations, so two first starts would create the tables twice, and a killed one would leave half of them.
 */
async function migrate(db: JournalDb, sqlite: Database.Database): Promise<void> {
  const migrations = {
    '0001Journal': journal0001,
    '0002Recipients': recipients0002,
    '0003GasUses': gasUses0003,
    '0004StepRoles': stepRoles0004,
    '0005Batches': batches0005,
    '0006Spends': spends0006,
    '0007Approvals': approvals0007,
    '0009Controls': controls0009,
    '0010Strangers': strangers0010,
    '0008Tokens': tokens0008,
    '0011UserOperations': userOperations0011,
    '0012AskedSignatures': askedSignatures0012,
  }
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
  await beginImmediate(sqlite)
  const { error } = await migrator.migrateToLatest()
  sqlite.exec(error === undefined ? 'commit' : 'rollback')
  if (error !== undefined) throw error
}

/** A failure of the database or its file as `journal_unavailable`; bugs and errors of ours pass unchanged. */
export function asJournalError(error: unknown): unknown {
  if (error instanceof BursarError) return error
  const code = codeOf(error)
  // What has no code, not even an empty one, comes neither from libsql nor from the file system.
  if (!(error instanceof Error && 'code' in error) || code.startsWith('SQLITE_CONSTRAINT')) return error
  return new BursarError('journal_unavailable', { reason: code || error.message }, { cause: error })
}
