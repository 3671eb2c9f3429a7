import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import Database from 'libsql'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pause } from '../../src/primitives/abort.ts'
import { systemClock } from '../../src/primitives/clock.ts'
import { Journal } from '../../src/store/journal.ts'
import { type Row, readRows } from '../support/engine.ts'
import { editAudit } from './support/edit.ts'

let folder: string
let writer: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-journal-'))
  // Inside the project: libsql is found from where the bundle lies.
  writer = join('node_modules', `.bursar-journal-writer-${process.pid}.mjs`)
  await build({
    entryPoints: ['test/store/support/writer.ts'],
    outfile: writer,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['libsql'],
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  })
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  rmSync(writer, { force: true })
})

const fresh = (name: string) => join(folder, name, 'journal.db')
const write = async (path: string, count: number) => {
  const { stdout } = await promisify(execFile)(process.execPath, [writer, path, String(count)])
  return JSON.parse(stdout) as string[]
}

describe('R2: the file', () => {
  it('F5: is for its owner alone, whoever may look into its folder: bytes that are held back are in it', async () => {
    const path = fresh('looked-into')
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    const journal = new Journal(path, systemClock)
    await journal.prove()
    const modes = ['', '-wal', '-shm'].map((more) => (statSync(`${path}${more}`).mode & 0o777).toString(8))
    expect(modes).toEqual(['600', '600', '600'])
    await journal.close()
  })

  it('R2: is made with its folder, its tables and its migrations at the first use', async () => {
    const path = fresh('new/and/deep')
    const journal = new Journal(path, systemClock)
    await journal.prove()
    await journal.close()
    const tables = readRows(path, "select name from sqlite_master where type = 'table' order by name")
    expect(tables.map((row) => row['name'])).toEqual([
      'approvals',
      'attempts',
      'audit',
      'chains',
      'contacts',
      'counterparties',
      'flag_sets',
      'flag_stops',
      'flag_uses',
      'gas_uses',
      'halts',
      'intents',
      'kysely_migration',
      'kysely_migration_lock',
      'nonces',
      'operations',
      'payees',
      'reservations',
      'spend_sums',
      'spends',
      'spent_approvals',
      'steps',
      'tokens',
    ])
    expect(readRows(path, 'select name from kysely_migration')).toEqual([
      { name: '0001Journal' },
      { name: '0002Recipients' },
      { name: '0003GasUses' },
      { name: '0004StepRoles' },
      { name: '0005Batches' },
      { name: '0006Spends' },
      { name: '0007Approvals' },
      { name: '0008Tokens' },
      { name: '0009Controls' },
      { name: '0010Strangers' },
      { name: '0011UserOperations' },
      { name: '0012AskedSignatures' },
    ])
  })

  it('R2: is durable at each commit: WAL, and synchronous FULL', async () => {
    const journal = new Journal(fresh('pragmas'), systemClock)
    const pragma = (name: string) =>
      journal.read(async (db) => {
        const { sql } = await import('kysely')
        const { rows } = await sql<Row>`${sql.raw(`pragma ${name}`)}`.execute(db)
        return Object.entries(rows[0] ?? {}).find(([key]) => key !== '_metadata')?.[1]
      })
    expect(await pragma('journal_mode')).toBe('wal')
    expect(await pragma('synchronous')).toBe(2)
    expect(await pragma('foreign_keys')).toBe(1)
    await journal.close()
  })

  it('R2: takes no half of a transition: what fails in the middle leaves nothing', async () => {
    const path = fresh('atomic')
    const journal = new Journal(path, systemClock)
    await journal.prove()
    const failing = journal.transact(async (_tx, audit) => {
      audit({ event: 'half', subject: 'x', detail: {} })
      throw new Error('crash')
    })
    // A bug is not blamed on the journal.
    await expect(failing).rejects.toThrow('crash')
    expect(readRows(path, 'select event from audit')).toEqual([{ event: 'journal.checked' }])
    await journal.close()
  })
})

describe('R4: several processes on one file', () => {
  it('R4, F4: four processes that start on no file lose nothing and share out contiguous nonces', async () => {
    const path = fresh('shared')
    const got = (await Promise.all(Array.from({ length: 4 }, () => write(path, 25)))).flat()
    expect(got.map(Number).sort((x, y) => x - y)).toEqual(
      Array.from({ length: 100 }, (_, index) => 7 + index),
    )
    expect(readRows(path, 'select count(*) as n from intents')).toEqual([{ n: 100 }])
    expect(readRows(path, 'select count(*) as n from steps')).toEqual([{ n: 100 }])
    // 100 intents, 100 operations, 100 nonces.
    expect(readRows(path, 'select count(*) as n, max(seq) as last from audit')).toEqual([
      { n: 300, last: 300 },
    ])
    expect(brokenRow(readRows(path, 'select * from audit order by seq'))).toBeUndefined()
  })
})

/** Number of the first audit row that is not what its hash or its successor says; written from the specification. */
function brokenRow(rows: readonly Row[]): unknown {
  let previous = '0'.repeat(64)
  for (const { hash, ...row } of rows) {
    const { at, detail, event, seq, subject } = row
    const text = JSON.stringify({ at, detail, event, previous, seq, subject })
    if (createHash('sha256').update(text).digest('hex') !== hash || row['previous'] !== previous) return seq
    previous = String(hash)
  }
  return undefined
}

describe('F16: another process holds the write lock', () => {
  async function held(name: string) {
    const path = fresh(name)
    const journal = new Journal(path, systemClock)
    await journal.prove()
    const db = new Database(path)
    db.exec('begin immediate')
    return { path, journal, db }
  }

  it('F16: a writer waits without stopping its own process, and writes once the lock is free', async () => {
    const { path, journal, db } = await held('held')
    const writing = journal.prove()
    // This very process lets go: it could not if waiting held up everything else.
    await new Promise((resolve) => setImmediate(resolve))
    db.exec('commit')
    await writing
    expect(readRows(path, 'select count(*) as n from audit')).toEqual([{ n: 2 }])
    db.close()
    await journal.close()
  })

  it('F16: a start meets the first moments of another, whose file is not yet shared: it waits too', async () => {
    const path = fresh('not yet shared')
    mkdirSync(dirname(path))
    const other = new Database(path)
    other.exec('begin exclusive')
    other.exec('create table theirs (id integer)')
    const journal = new Journal(path, systemClock)
    const starting = journal.prove()
    await pause(50)
    other.exec('commit')
    other.close()
    await starting
    expect(readRows(path, 'select event from audit')).toEqual([{ event: 'journal.checked' }])
    await journal.close()
  })

  it('F16: a lock held for longer than five seconds is journal_unavailable, and later writes go on', async () => {
    const { path, journal, db } = await held('held long')
    await expect(journal.prove()).rejects.toMatchObject({
      code: 'journal_unavailable',
      context: { reason: 'SQLITE_BUSY' },
    })
    db.exec('rollback')
    db.close()
    await journal.prove()
    await journal.prove()
    expect(readRows(path, 'select count(*) as n from audit')).toEqual([{ n: 3 }])
    await journal.close()
  })
})

describe('T38: the audit log', () => {
  async function log(name: string): Promise<string> {
    const path = fresh(name)
    const journal = new Journal(path, systemClock)
    for (const subject of ['a', 'b', 'c', 'd'])
      await journal.transact(async (_tx, audit) =>
        audit({ event: 'test', subject, detail: { amount: '10' } }),
      )
    await journal.close()
    return path
  }
  it('T38, R2: what shares a commit is in a row, and what failed in it left no row', async () => {
    const path = fresh('shared commit')
    const journal = new Journal(path, systemClock)
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c', 'd', 'e'].map((subject) =>
        journal.transact(async (_tx, audit) => {
          audit({ event: 'test', subject, detail: {} })
          if (subject === 'b' || subject === 'd') throw new Error('refused')
        }),
      ),
    )
    await journal.close()
    expect(outcomes.map(({ status }) => status[0]).join('')).toBe('frfrf')
    const rows = readRows(path, 'select * from audit order by seq')
    expect(rows.map(({ seq, subject }) => `${seq}${subject}`)).toEqual(['1a', '2c', '3e'])
    expect(brokenRow(rows)).toBeUndefined()
  })

  const edit = (path: string, sql: string) => {
    editAudit(path, sql)
    return brokenRow(readRows(path, 'select * from audit order by seq'))
  }

  it('T38: is a chain of hashes from its first row on', async () => {
    expect(edit(await log('chain'), 'select 1')).toBeUndefined()
  })

  it.each([
    ['detail', `update audit set detail = '{"amount":"11"}' where seq = 2`, 2],
    ['time', `update audit set at = '2020-01-01T00:00:00.000Z' where seq = 3`, 3],
    ['subject', `update audit set subject = 'e' where seq = 1`, 1],
    ['event', `update audit set event = 'other' where seq = 4`, 4],
  ])('T38: names the row whose %s was edited', async (name, sql, row) => {
    expect(edit(await log(`edited ${name}`), sql)).toBe(row)
  })

  it('T38: names the row after one that was taken out', async () => {
    expect(edit(await log('removed'), 'delete from audit where seq = 2')).toBe(3)
  })
})

describe('F21: a journal that cannot be written', () => {
  it.each([
    [
      'is a folder',
      () => {
        const path = fresh('a folder')
        mkdirSync(path, { recursive: true })
        return path
      },
    ],
    [
      'lies under a file',
      () => {
        const file = join(folder, 'a-file')
        writeFileSync(file, 'not a folder')
        return join(file, 'journal.db')
      },
    ],
    [
      'is not a database',
      () => {
        const path = fresh('garbage')
        mkdirSync(join(path, '..'), { recursive: true })
        writeFileSync(
          path,
          'this is not a database, and it is longer than one page header would be'.repeat(20),
        )
        return path
      },
    ],
  ])('F21: %s: journal_unavailable, nothing else', async (_name, path) => {
    const journal = new Journal(path(), systemClock)
    await expect(journal.prove()).rejects.toMatchObject({
      code: 'journal_unavailable',
      sideEffect: 'none',
      retry: { afterSeconds: 10 },
    })
    await journal.close()
  })

  it('F21: is asked for again at the next use, and serves when it can', async () => {
    const path = fresh('recovers')
    mkdirSync(path, { recursive: true })
    const journal = new Journal(path, systemClock)
    await expect(journal.prove()).rejects.toMatchObject({ code: 'journal_unavailable' })
    rmSync(path, { recursive: true })
    await journal.prove()
    expect(readRows(path, 'select event from audit')).toEqual([{ event: 'journal.checked' }])
    await journal.close()
  })

  it('F22: a torn tail of the log is cut off, and what was committed before is whole', async () => {
    const path = fresh('torn')
    const journal = new Journal(path, systemClock)
    await journal.prove()
    await journal.prove()
    // A copy of the files as a power cut leaves them: the log ends in the middle of a frame.
    const { copyFileSync, readFileSync } = await import('node:fs')
    const copy = fresh('torn copy')
    mkdirSync(join(copy, '..'), { recursive: true })
    copyFileSync(path, copy)
    const wal = readFileSync(`${path}-wal`)
    writeFileSync(`${copy}-wal`, wal.subarray(0, wal.length - 100))
    await journal.close()
    const reopened = new Journal(copy, systemClock)
    await reopened.prove()
    const rows = readRows(copy, 'select * from audit order by seq')
    expect(rows).toHaveLength(2)
    expect(brokenRow(rows)).toBeUndefined()
    await reopened.close()
  })
})
