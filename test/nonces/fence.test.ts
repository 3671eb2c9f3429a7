import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Journal } from '../../src/store/journal.ts'
import { NonceTableStore } from '../../src/store/nonces/nonces.ts'
import type { StepRow } from '../../src/store/schema.ts'
import { StepStore } from '../../src/store/steps/steps.ts'
import { readRows } from '../support/engine.ts'
import { testClock } from '../support/testClock.ts'
import { begin, beginMany, type JournalFile, journalFile, sorted } from './support/begun.ts'

// Two journals on one file: what two processes have.
const clock = testClock()
let file: JournalFile
let path: string
let journals: readonly [Journal, Journal]
let stores: readonly [NonceTableStore, NonceTableStore]

beforeEach(() => {
  file = journalFile()
  path = file.path
  journals = [file.open(clock), file.open(clock)]
  stores = [new NonceTableStore(journals[0]), new NonceTableStore(journals[1])]
})
afterEach(() => file.remove())

const step = (lane?: { chain: string; account: string }) => begin(journals[0], lane)
const steps = (count: number) => beginMany(journals[0], count)

it('R4, F4: two stores on one file reserve distinct nonces in a row, whoever comes first', async () => {
  const wanted = await steps(20)
  const got = await Promise.all(
    wanted.map((each, index) => stores[index % 2 === 0 ? 0 : 1].reserve(each, 3n)),
  )
  expect(sorted(got)).toEqual([
    3n,
    4n,
    5n,
    6n,
    7n,
    8n,
    9n,
    10n,
    11n,
    12n,
    13n,
    14n,
    15n,
    16n,
    17n,
    18n,
    19n,
    20n,
    21n,
    22n,
  ])
})

it('R4, F5: a step that asks again, of either store, and at another floor, gets the nonce that it has', async () => {
  const one = await step()
  expect(await stores[0].reserve(one, 5n)).toBe(5n)
  expect(await stores[1].reserve(one, 9n)).toBe(5n)
  const both = await step()
  const [first, second] = await Promise.all([stores[0].reserve(both, 5n), stores[1].reserve(both, 5n)])
  expect([first, second]).toEqual([6n, 6n])
})

it('R4: lanes are apart: the same account on two chains, and two accounts on one', async () => {
  expect(await stores[0].reserve(await step({ chain: 'eip155:31337', account: '0xA' }), 0n)).toBe(0n)
  expect(await stores[1].reserve(await step({ chain: 'eip155:31338', account: '0xA' }), 0n)).toBe(0n)
  expect(await stores[0].reserve(await step({ chain: 'eip155:31337', account: '0xB' }), 0n)).toBe(0n)
})

it('R4: nothing below the floor is given out, and nonces beyond 2^53 are exact', async () => {
  expect(await stores[0].reserve(await step(), 9_007_199_254_740_993n)).toBe(9_007_199_254_740_993n)
  expect(await stores[0].reserve(await step(), 9_007_199_254_740_993n)).toBe(9_007_199_254_740_994n)
  expect(await stores[0].reserve(await step(), 1n)).toBe(1n)
})

it('R4: order is that of numbers, not of text: 9, then 10', async () => {
  for (const nonce of [8n, 9n, 10n, 11n]) expect(await stores[0].reserve(await step(), 8n)).toBe(nonce)
})

it('R4, F7: the gap that an abandoned step leaves is the next nonce given out', async () => {
  const [one, two, three] = await steps(3)
  if (!one || !two || !three) throw new Error('three')
  await stores[0].reserve(one, 0n)
  await stores[0].reserve(two, 0n)
  expect(await new StepStore(journals[1]).abandon(one.id, 'never signed')).toBe(true)
  expect(await stores[1].reserve(three, 0n)).toBe(0n)
})

const record = (journal: Journal, row: StepRow, nonce: bigint, hash: string) =>
  new StepStore(journal).recordAttempt(
    row,
    nonce,
    { raw: `0x02${hash}`, hash: `0x${hash}` },
    { receipt: '{}' },
  )

it("R4: bytes signed at another step's nonce are refused, whether that one is reserved or signed", async () => {
  const [one, two, three] = await steps(3)
  if (!one || !two || !three) throw new Error('three')
  await record(journals[0], one, 4n, 'aa')
  expect(await stores[0].reserve(two, 5n)).toBe(5n)
  for (const nonce of [4n, 5n]) {
    await expect(record(journals[1], three, nonce, 'bb')).rejects.toMatchObject({
      code: 'nonce_taken',
      context: { nonce: String(nonce) },
      chain: 'eip155:31337',
      sideEffect: 'none',
    })
  }
  expect(readRows(path, 'select hash, nonce from attempts')).toEqual([
    { hash: '0xaa', nonce: '00000000000000000004' },
  ])
  expect(readRows(path, 'select nonce, state from nonces order by nonce')).toEqual([
    { nonce: '00000000000000000004', state: 'signed' },
    { nonce: '00000000000000000005', state: 'reserved' },
  ])
  expect(readRows(path, `select state from steps where id = '${three.id}'`)).toEqual([{ state: 'queued' }])
})

it('R4: bytes signed at another nonce than the step holds are refused', async () => {
  const one = await step()
  await stores[0].reserve(one, 4n)
  await expect(record(journals[1], one, 9n, 'aa')).rejects.toMatchObject({ code: 'nonce_taken' })
  await record(journals[1], one, 4n, 'bb')
  expect(readRows(path, 'select hash from attempts')).toEqual([{ hash: '0xbb' }])
})

it('R4: the file itself refuses two holders of one nonce, whatever the code above it believes', async () => {
  const [one, two] = await steps(2)
  if (!one || !two) throw new Error('two')
  const attempt = (row: StepRow, hash: string) => ({
    ...{ id: hash, step_id: row.id, chain: row.chain, account: row.account, nonce: '4', hash, raw: '0x' },
    ...{ kind: 'original' as const, state: 'signed' as const, live: 1, created_at: '' },
  })
  const insert = (table: 'attempts' | 'nonces', rows: object[]) =>
    journals[1].transact((tx) =>
      tx
        .insertInto(table)
        .values(rows as never)
        .execute(),
    )
  await expect(insert('attempts', [attempt(one, 'aa'), attempt(two, 'bb')])).rejects.toMatchObject({
    code: expect.stringMatching(/^SQLITE_CONSTRAINT/),
  })
  await expect(
    insert('nonces', [
      { chain: 'c', account: 'a', nonce: '1', step_id: one.id, state: 'reserved', updated_at: '' },
      { chain: 'c', account: 'a', nonce: '1', step_id: two.id, state: 'reserved', updated_at: '' },
    ]),
  ).rejects.toMatchObject({ code: expect.stringMatching(/^SQLITE_CONSTRAINT/) })
})

it('R2: a step that is signed twice keeps the first bytes, and the second are never seen again', async () => {
  const one = await step()
  const store = (index: 0 | 1) => new StepStore(journals[index])
  await stores[0].reserve(one, 0n)
  const sign = (index: 0 | 1, hash: string) =>
    store(index).recordAttempt(one, 0n, { raw: `0x02${hash}`, hash: `0x${hash}` }, { receipt: '{}' })
  const [first, second] = await Promise.all([sign(0, 'cc'), sign(1, 'dd')])
  expect(first.hash).toBe(second.hash)
  expect(readRows(path, 'select count(*) as n from attempts')).toEqual([{ n: 1 }])
})
