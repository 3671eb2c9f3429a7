import { sql } from 'kysely'
import Database from 'libsql'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { insertRows } from '../../../src/store/database/compiled.ts'
import type { Journal } from '../../../src/store/journal.ts'
import { type JournalFile, journalFile } from '../../nonces/support/begun.ts'
import { readRows } from '../../support/engine.ts'

let file: JournalFile
let journal: Journal
let prepared: string[]
beforeEach(async () => {
  file = journalFile()
  journal = file.open()
  await journal.prove()
  prepared = []
  const prototype = Database.prototype as { prepare(text: string): unknown }
  const { prepare } = prototype
  vi.spyOn(prototype, 'prepare').mockImplementation(function (this: unknown, text) {
    prepared.push(text)
    return prepare.call(this, text)
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await file.remove()
})

const ask = (number: number) =>
  journal.read(async (db) => (await sql.raw(`select ${number} as n`).execute(db)).rows)
const insert = (id: string) =>
  journal.transact((tx) =>
    tx.insertInto('chains').values({ id, genesis: '0x1', first_used_at: '' }).execute(),
  )
const inserts = () => prepared.filter((text) => text.startsWith('insert into "chains"')).length

it('a text is prepared once, and again when 256 others were used since', async () => {
  for (let number = 0; number < 256; number++) await ask(number)
  expect(prepared).toHaveLength(256)
  expect(await ask(0)).toMatchObject([{ n: 0 }])
  expect(prepared).toHaveLength(256)
  // The one that was unused for longest has to go.
  await ask(256)
  await ask(0)
  expect(prepared).toHaveLength(257)
  await ask(1)
  expect(prepared.slice(256)).toEqual(['select 256 as n', 'select 1 as n'])
})

it('R2: a statement that was refused is not used again: the next one with its text is written', async () => {
  await insert('eip155:1')
  await insert('eip155:2')
  expect(inserts()).toBe(1)
  await expect(insert('eip155:1')).rejects.toThrow('UNIQUE')
  await insert('eip155:3')
  expect(inserts()).toBe(2)
  await journal.close()
  expect(readRows(file.path, 'select id from chains order by id')).toEqual(
    ['eip155:1', 'eip155:2', 'eip155:3'].map((id) => ({ id })),
  )
})

it('R2: rows that are inserted together keep their values, whatever order each tells them in', async () => {
  const [row, turned] = [
    { id: 'eip155:1', genesis: '0x1', first_used_at: 'now' },
    { first_used_at: 'then', id: 'eip155:2', genesis: '0x2' },
  ]
  await journal.transact((tx) => insertRows(tx, 'chains', [row, turned]))
  expect(readRows(file.path, 'select * from chains order by id')).toEqual([row, turned])
})

it('R2: rows are read by the names that their columns have now, after a later version has moved them', async () => {
  const chains = () => journal.read((db) => db.selectFrom('chains').selectAll().execute())
  await insert('eip155:1')
  const row = { id: 'eip155:1', genesis: '0x1', first_used_at: '' }
  expect(await chains()).toEqual([row])
  const other = new Database(file.path)
  other.exec('create table moved (first_used_at text, genesis text, added text, id text primary key)')
  other.exec('insert into moved select first_used_at, genesis, null, id from chains')
  other.exec('drop table chains')
  other.exec('alter table moved rename to chains')
  other.close()
  expect(await chains()).toEqual([{ ...row, added: null }])
})
