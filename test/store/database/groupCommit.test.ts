import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type JournalDb, openDatabase } from '../../../src/store/database/database.ts'
import { GroupCommit, type JournalTransaction } from '../../../src/store/database/groupCommit.ts'
import { readRows } from '../../support/engine.ts'

let home: string
let db: JournalDb
let writes: GroupCommit
let commits: () => number

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'bursar-group-'))
  db = await openDatabase(join(home, 'journal.db'))
  const transaction = vi.spyOn(db, 'transaction')
  commits = () => transaction.mock.calls.length
  writes = new GroupCommit(async () => db)
  return async () => {
    await db.destroy()
    rmSync(home, { recursive: true, force: true })
  }
})
afterEach(() => void vi.restoreAllMocks())

const rows = () => readRows(join(home, 'journal.db'), 'select id from chains order by id').map(({ id }) => id)
const insert = (tx: JournalTransaction, id: string) =>
  tx.insertInto('chains').values({ id, genesis: '0x', first_used_at: 'now' }).execute()

it('R2: what is asked for together is on disk when it resolves, and has waited for the disk once', async () => {
  const together = ['a', 'b', 'c', 'd'].map((id) => writes.transact((tx) => insert(tx, id)))
  await together[0]
  expect(rows()).toEqual(['a', 'b', 'c', 'd'])
  await Promise.all(together)
  expect(commits()).toBe(1)
  await writes.transact((tx) => insert(tx, 'e'))
  expect(rows()).toEqual(['a', 'b', 'c', 'd', 'e'])
  expect(commits()).toBe(2)
})

it('each sees those before it, and answers for itself', async () => {
  const count = async (tx: JournalTransaction) => (await tx.selectFrom('chains').selectAll().execute()).length
  const answers = await Promise.all(
    ['a', 'b', 'c', 'd'].map((id) =>
      writes.transact(async (tx) => {
        await insert(tx, id)
        return `${id} ${await count(tx)}`
      }),
    ),
  )
  expect(answers).toEqual(['a 1', 'b 2', 'c 3', 'd 4'])
})

it('R2: one that fails takes back itself and nothing else', async () => {
  const outcomes = await Promise.allSettled([
    writes.transact((tx) => insert(tx, 'a')),
    writes.transact((tx) => insert(tx, 'b')),
    writes.transact(async (tx) => {
      await insert(tx, 'half')
      throw new Error('refused half way')
    }),
    writes.transact((tx) => insert(tx, 'b')),
    writes.transact((tx) => insert(tx, 'c')),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'rejected',
    'fulfilled',
  ])
  expect(outcomes[2]).toMatchObject({ reason: { message: 'refused half way' } })
  expect(outcomes[3]).toMatchObject({ reason: { code: expect.stringMatching(/^SQLITE_CONSTRAINT/) } })
  expect(rows()).toEqual(['a', 'b', 'c'])
})

it('R2: when the commit fails nobody is told otherwise, and the next one is written', async () => {
  const dangling = async (tx: JournalTransaction) => {
    // Looked at when the transaction commits, and not before.
    await sql`pragma defer_foreign_keys = on`.execute(tx)
    await sql`insert into nonces values ('c', 'a', '0', 'no such step', 'reserved', 'now')`.execute(tx)
  }
  await writes.transact((tx) => insert(tx, 'before'))
  const outcomes = await Promise.allSettled([
    writes.transact((tx) => insert(tx, 'a')),
    writes.transact(dangling),
    writes.transact((tx) => insert(tx, 'b')),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(Array(3).fill('rejected'))
  expect(rows()).toEqual(['before'])
  await writes.transact((tx) => insert(tx, 'after'))
  expect(rows()).toEqual(['after', 'before'])
})

it.each([1, 3])(
  'R2, R10, F21: a disk that is full refuses all of %i by that name, and the next one is written',
  async (together) => {
    await writes.transact((tx) => insert(tx, 'before'))
    await sql`pragma max_page_count = 1`.execute(db)
    const much = 'g'.repeat(40_000)
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].slice(0, together).map((id) =>
        writes.transact(async (tx) => {
          await tx.insertInto('chains').values({ id, genesis: much, first_used_at: 'now' }).execute()
        }),
      ),
    )
    expect(outcomes).toMatchObject(
      Array(together).fill({
        status: 'rejected',
        reason: { code: 'journal_unavailable', context: { reason: 'SQLITE_FULL' } },
      }),
    )
    expect(rows()).toEqual(['before'])
    await sql`pragma max_page_count = 1000000`.execute(db)
    await writes.transact((tx) => insert(tx, 'after'))
    expect(rows()).toEqual(['after', 'before'])
  },
)

it('a journal that cannot be opened refuses all who wait, and is asked for again', async () => {
  let broken = true
  const late = new GroupCommit(async () => {
    if (broken) throw new Error('no disk')
    return db
  })
  const waiting = ['a', 'b', 'c'].map((id) => late.transact((tx) => insert(tx, id)))
  expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(Array(3).fill('rejected'))
  broken = false
  await late.transact((tx) => insert(tx, 'a'))
  expect(rows()).toEqual(['a'])
})
