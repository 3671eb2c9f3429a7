import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Journal } from '../../src/store/journal.ts'
import { type NewToken, TokenStore } from '../../src/store/tokens.ts'
import { type JournalFile, journalFile } from '../nonces/support/begun.ts'
import { readRows } from '../support/engine.ts'
import { type TestClock, testClock } from '../support/testClock.ts'

let file: JournalFile
let journal: Journal
let clock: TestClock
let tokens: TokenStore
beforeEach(() => {
  file = journalFile()
  clock = testClock()
  journal = file.open(clock)
  tokens = new TokenStore(journal)
})
afterEach(() => file.remove())

const token = (more: Partial<NewToken> = {}): NewToken => ({
  id: '0123456789ab',
  name: 'ci',
  hash: 'a'.repeat(64),
  principal: 'ci',
  scopes: 'read,prepare',
  audience: 'bursar',
  expires_at: null,
  ...more,
})
const audit = () => readRows(file.path, 'select event, subject, detail from audit order by seq')

it('keeps what a token may do and for whom, and says in the audit who it is for', async () => {
  await tokens.create(token())
  expect(await tokens.find('0123456789ab')).toMatchObject({
    ...{ name: 'ci', principal: 'ci', scopes: 'read,prepare', audience: 'bursar' },
    ...{ revoked_at: null, last_used_at: null },
  })
  expect(await tokens.find('ba9876543210')).toBeUndefined()
  expect(audit()).toEqual([
    {
      event: 'token.created',
      subject: '0123456789ab',
      detail: '{"audience":"bursar","expires":"never","name":"ci","principal":"ci","scopes":"read,prepare"}',
    },
  ])
})

it('gives a name to one token at a time: it is free again when that one is revoked', async () => {
  await tokens.create(token())
  const second = token({ id: '111111111111' })
  await expect(tokens.create(second)).rejects.toMatchObject({ code: 'token_refused' })
  expect(await tokens.list()).toHaveLength(1)
  expect(await tokens.revoke('ci')).toMatchObject({ id: '0123456789ab', revoked_at: journal.now() })
  await tokens.create(second)
  expect((await tokens.list()).map(({ id }) => id)).toEqual(['0123456789ab', '111111111111'])
})

it('revokes by name or id, once, and records it', async () => {
  await tokens.create(token({ expires_at: journal.after(1_000) }))
  expect(await tokens.revoke('0123456789ab')).toMatchObject({ name: 'ci' })
  await expect(tokens.revoke('ci')).rejects.toMatchObject({ code: 'token_refused' })
  await expect(tokens.revoke('nobody')).rejects.toMatchObject({ code: 'token_refused' })
  expect(audit().map(({ event }) => event)).toEqual(['token.created', 'token.revoked'])
})

it('a revocation by another process holds for the next look', async () => {
  await tokens.create(token())
  const before = await tokens.find('0123456789ab')
  expect(before && tokens.whyEnded(before)).toBeUndefined()
  await new TokenStore(file.open(clock)).revoke('ci')
  const after = await tokens.find('0123456789ab')
  expect(after && tokens.whyEnded(after)).toBe('revoked')
})

it('ends when its time has come, not a millisecond later', async () => {
  await tokens.create(token({ expires_at: journal.after(90_000) }))
  const [row] = await tokens.list()
  if (!row) throw new Error('the token is there')
  clock.advance(89_999)
  expect(tokens.whyEnded(row)).toBeUndefined()
  clock.advance(1)
  expect(tokens.whyEnded(row)).toBe('expired')
})

it('notes the hour of its use, and writes that once an hour', async () => {
  await tokens.create(token())
  const used = async () => {
    const row = await tokens.find('0123456789ab')
    if (!row) throw new Error('the token is there')
    await tokens.noteUse(row)
    return (await tokens.find('0123456789ab'))?.last_used_at
  }
  const first = await used()
  expect(first).toBe(`${journal.now().slice(0, 13)}:00:00.000Z`)
  const writes = vi.spyOn(journal, 'transact')
  expect(await used()).toBe(first)
  expect(writes).not.toHaveBeenCalled()
  clock.advance(3_600_000)
  expect(await used()).not.toBe(first)
})
