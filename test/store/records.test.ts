import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { sql } from 'kysely'
import Database from 'libsql'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ChainIdentities } from '../../src/store/chainIdentities.ts'
import { asJournalError } from '../../src/store/database/database.ts'
import { IntentStore, type NewIntent } from '../../src/store/intents.ts'
import type { Journal } from '../../src/store/journal.ts'
import { foreignUses } from '../../src/store/nonces/foreignUses.ts'
import { OperationStore } from '../../src/store/operations.ts'
import { StepStore } from '../../src/store/steps/steps.ts'
import { begin, type JournalFile, journalFile, LANE, record } from '../nonces/support/begun.ts'
import { readRows } from '../support/engine.ts'
import { testClock } from '../support/testClock.ts'

const clock = testClock()
let file: JournalFile
let journal: Journal
beforeEach(async () => {
  file = journalFile()
  journal = file.open(clock)
})
afterEach(() => file.remove())

const rows = (text: string) => readRows(file.path, text)

it('R13: a chain is what it was when it was first used, whichever of two processes was first', async () => {
  const chain = { id: 'eip155:31337', name: 'Sandbox A' }
  const other = file.open()
  await Promise.all([journal.lock(), other.lock()])
  const met = await Promise.allSettled([
    new ChainIdentities(journal).confirm(chain, '0x01'),
    new ChainIdentities(other).confirm(chain, '0x02'),
  ])
  expect(met.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  const [row] = rows('select genesis from chains')
  const first = String(row?.['genesis'])
  await new ChainIdentities(other).confirm(chain, first)
  await expect(new ChainIdentities(journal).confirm(chain, '0x03')).rejects.toMatchObject({
    code: 'chain_replaced',
    context: { recorded: first, found: '0x03' },
  })
  expect(rows('select genesis from chains')).toEqual([{ genesis: first }])
})

it('F8: foreign uses are those nonces that others took, by wallet, and no cancellation of our own', async () => {
  const steps = new StepStore(journal)
  for (const nonce of [4n, 9n]) {
    const step = await begin(journal)
    await record(journal, step, nonce)
    await steps.replaced(step.id, 'taken')
  }
  const paid = await begin(journal)
  await steps.sent(await record(journal, paid, 10n))
  expect(await foreignUses(journal)).toEqual([
    {
      chain: LANE.chain,
      wallet: 'agent',
      times: 2,
      lastNonce: '9',
      lastAt: new Date(clock.now()).toISOString(),
    },
  ])
})

const intent = (change: Partial<NewIntent> = {}): NewIntent => ({
  ...{ id: 'int_1', principal: 'local', idempotency_key: 'rent', arguments: '{"to":"a"}', digest: '0x1' },
  ...{ ...LANE, wallet: 'agent', plan: '{"old":1}', expires_at: '2099-01-01T00:00:00.000Z' },
  ...change,
})

it('R3: an intent is renewed under its id by the same arguments, and left as it is by others', async () => {
  const intents = new IntentStore(journal)
  await intents.save(intent())
  const renewed = await intents.save(intent({ id: 'int_2', digest: '0x2', plan: '{"new":1}' }))
  expect(renewed).toMatchObject({ intent: { id: 'int_1', digest: '0x2' }, operationId: undefined })
  const otherwise = await intents.save(intent({ id: 'int_3', digest: '0x3', arguments: '{"to":"b"}' }))
  expect(otherwise.intent).toMatchObject({ id: 'int_1', digest: '0x2', arguments: '{"to":"a"}' })
  expect(rows('select id, digest, plan from intents')).toEqual([
    { id: 'int_1', digest: '0x2', plan: '{"new":1}' },
  ])
})

it('lists operations by chain, wallet and state, page by page, newest first', async () => {
  const operations = new OperationStore(journal)
  for (const account of ['0xA', '0xB', '0xA']) {
    await begin(journal, { ...LANE, account })
    clock.advance(1_000)
  }
  // Two of one moment, told apart by their ids.
  await begin(journal, { chain: 'eip155:31338', account: '0xA' })
  await begin(journal, { chain: 'eip155:31338', account: '0xA' })
  const all = await operations.list({ principal: 'local', limit: 10 })
  expect(all.map(({ chain }) => chain.slice(-1)).join('')).toBe('88777')
  expect(await operations.list({ principal: 'another', limit: 10 })).toEqual([])
  const some = {
    principal: 'local',
    limit: 10,
    chain: LANE.chain,
    wallet: 'agent',
    state: 'running' as const,
  }
  expect(await operations.list(some)).toEqual(all.slice(2))
  expect(await operations.list({ ...some, wallet: 'nobody' })).toEqual([])
  expect(await operations.list({ ...some, state: 'stuck' })).toEqual([])
  const paged: string[] = []
  let before: { createdAt: string; id: string } | undefined
  for (;;) {
    const [next] = await operations.list({ principal: 'local', limit: 1, ...(before && { before }) })
    if (!next) break
    paged.push(next.id)
    before = { createdAt: next.created_at, id: next.id }
  }
  expect(paged).toEqual(all.map(({ id }) => id))
})

it('F16: what two processes claim at once is claimed by one, and what is not there by none', async () => {
  const others = [journal, file.open(clock)].map((each) => new OperationStore(each))
  await begin(journal)
  // The lease that it was begun under is longer than any honest one.
  const lease = (owner: string) => ({
    owner,
    ...{ until: journal.after(5_000), renewFrom: journal.after(2_500), atMost: journal.after(10_000) },
  })
  await Promise.all(others.map((each) => each.countByState()))
  const claimed = await Promise.all(others.map((each, index) => each.claim(lease(`p${index}`), 10)))
  expect(claimed.map(({ length }) => length).sort()).toEqual([0, 1])
  expect(await others[0]?.find('op_0')).toBeUndefined()
})

it('a query that fails is journal_unavailable, and its answers come in one piece', async () => {
  await expect(journal.read((db) => sql.raw('select * from nowhere').execute(db))).rejects.toMatchObject({
    code: 'journal_unavailable',
    context: { reason: 'SQLITE_ERROR' },
  })
  const streaming = journal.read((db) => db.selectFrom('audit').select('seq').stream().next())
  await expect(streaming).rejects.toThrow('the journal streams no answers')
  const nameless = Object.assign(new Error('the disk is gone'), { code: '' })
  expect(asJournalError(nameless)).toMatchObject({ context: { reason: 'the disk is gone' } })
  expect(asJournalError('a bug')).toBe('a bug')
})

it('R1: a payload that is not there is no reason to simulate without it', async () => {
  const step = await begin(journal)
  await record(journal, step, 0n)
  const db = new Database(file.path)
  db.exec('pragma foreign_keys = off')
  db.exec('delete from steps')
  db.close()
  const waiting = new OperationStore(journal).waiting(LANE.chain, LANE.account)
  await expect(waiting).rejects.toThrow(`step ${step.id} has no payload`)
})

it('R2: a file with tables of somebody else is left as it is, and nothing is recorded', async () => {
  mkdirSync(dirname(file.path), { recursive: true })
  const db = new Database(file.path)
  db.exec('create table steps (theirs text)')
  db.close()
  await expect(journal.prove()).rejects.toMatchObject({
    code: 'journal_unavailable',
    context: { reason: 'SQLITE_ERROR' },
  })
  const tables = rows("select name from sqlite_master where type = 'table' and name not like 'kysely%'")
  expect(tables).toEqual([{ name: 'steps' }])
})

it.each([
  ["Cannot find module '@libsql/linux-x64-gnu'", '@libsql/linux-x64-gnu'],
  ['the loader gave up', 'libsql'],
])('R10: where the database cannot be loaded (%s) it says what to install', async (message, name) => {
  vi.resetModules()
  vi.doMock('libsql', () => ({
    get default() {
      throw new Error(message)
    },
  }))
  try {
    const { openDatabase } = await import('../../src/store/database/database.ts')
    await expect(openDatabase(file.path)).rejects.toMatchObject({
      code: 'journal_missing',
      context: { package: expect.stringMatching(new RegExp(`^${name}@\\d`)) },
    })
  } finally {
    vi.doUnmock('libsql')
  }
})
