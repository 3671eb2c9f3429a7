import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Anchor,
  advanceAnchor,
  anchorText,
  parseAnchor,
  readAnchor,
  writeAnchor,
} from '../../../src/store/audit/auditAnchor.ts'
import { exportAudit } from '../../../src/store/audit/auditExport.ts'
import { verifyAudit } from '../../../src/store/audit/auditVerify.ts'
import { JournalCopy } from '../../../src/store/database/journalCopy.ts'
import { HaltStore } from '../../../src/store/halts.ts'
import type { Journal } from '../../../src/store/journal.ts'
import { RefusalStore } from '../../../src/store/refusals.ts'
import { StepStore } from '../../../src/store/steps/steps.ts'
import { begin, type JournalFile, journalFile, record } from '../../nonces/support/begun.ts'
import { readRows } from '../../support/engine.ts'
import { edit, editAudit } from '../support/edit.ts'

let file: JournalFile
let journal: Journal
let anchorFile: string

beforeEach(async () => {
  file = journalFile()
  journal = file.open()
  anchorFile = join(dirname(file.path), 'audit.anchor')
  for (const subject of ['a', 'b', 'c', 'd', 'e']) await append(subject)
})
afterEach(() => file.remove())

function append(subject: string, detail: Readonly<Record<string, string | number>> = { amount: '10' }) {
  return journal.transact(async (_tx, audit) => audit({ event: 'test', subject, detail }))
}

async function verified(anchors: readonly Anchor[] = []) {
  const copy = new JournalCopy(file.path)
  try {
    const { head, broken } = await verifyAudit(copy, anchors)
    return { head: head?.seq, ...(broken && { broken: `${broken.seq} ${broken.what}` }) }
  } finally {
    await copy.close()
  }
}
const hashOf = (seq: number) =>
  String(readRows(file.path, `select hash from audit where seq = ${seq}`)[0]?.['hash'])
const lines = async (range = {}) => {
  const all: string[] = []
  for await (const line of exportAudit(journal, range)) all.push(line)
  return all
}
/** Numbers may not collide on the way. */
const renumber = (from: number, by: number) =>
  `update audit set seq = -seq where seq >= ${from}; update audit set seq = -seq + ${by} where seq < 0`

describe('T38: the first bad row is named', () => {
  it('T38: none in a log as it was written, which a server goes on writing', async () => {
    expect(await verified()).toEqual({ head: 5 })
    await append('f')
    expect(await verifyAudit(journal)).toMatchObject({ head: { seq: 6 } })
  })

  it.each([
    ['seq', 'update audit set seq = 9 where seq = 3', '3 missing'],
    ['seq of the last row', 'update audit set seq = 9 where seq = 5', '5 missing'],
    ['at', "update audit set at = '2020-01-01T00:00:00.000Z' where seq = 3", '3 changed'],
    ['event', "update audit set event = 'other' where seq = 3", '3 changed'],
    ['subject', "update audit set subject = 'z' where seq = 3", '3 changed'],
    ['detail', `update audit set detail = '{"amount":"11"}' where seq = 3`, '3 changed'],
    ['detail, to bytes', "update audit set detail = x'7b7d' where seq = 3", '3 changed'],
    ['previous', `update audit set previous = '${'1'.repeat(64)}' where seq = 3`, '3 changed'],
    [
      'previous of the first row',
      `update audit set previous = '${'1'.repeat(64)}' where seq = 1`,
      '1 changed',
    ],
    ['hash', `update audit set hash = '${'1'.repeat(64)}' where seq = 3`, '3 changed'],
    ['hash of the last row', `update audit set hash = '${'1'.repeat(64)}' where seq = 5`, '5 changed'],
  ])('T38: a changed %s', async (_column, sql, broken) => {
    editAudit(file.path, sql)
    expect(await verified()).toEqual({ head: Number(broken[0]) - 1 || undefined, broken })
  })

  it.each([
    ['taken out', 'delete from audit where seq = 3', '3 missing'],
    ['taken out at the beginning', 'delete from audit where seq = 1', '1 missing'],
    [
      'taken out, and those after it moved up',
      `delete from audit where seq = 3; ${renumber(4, -1)}`,
      '3 changed',
    ],
    [
      'swapped with the next',
      'update audit set seq = 9 where seq = 3; update audit set seq = 3 where seq = 4; update audit set seq = 4 where seq = 9',
      '3 changed',
    ],
    [
      'put in, and those after it moved down',
      `${renumber(3, 1)}; insert into audit select 3, at, event, subject, detail, previous, hash from audit where seq = 2`,
      '3 changed',
    ],
    [
      'put in before the first',
      'insert into audit select 0, at, event, subject, detail, previous, hash from audit where seq = 1',
      '0 inserted',
    ],
  ])('T38: a row that was %s', async (_what, sql, broken) => {
    editAudit(file.path, sql)
    const { broken: found } = await verified()
    expect(found).toBe(broken)
  })

  it('T38: one that was written anew with a hash that fits, by the row after it or by an anchor', async () => {
    const anchor = { seq: 5, hash: hashOf(5) }
    const other = journalFile()
    const theirs = other.open()
    for (const subject of ['a', 'b', 'x', 'd', 'e'])
      await theirs.transact(async (_tx, audit) => audit({ event: 'test', subject, detail: {} }))
    const forged = readRows(other.path, 'select * from audit order by seq')
    await other.remove()
    const rewrite = ({ seq, at, subject, detail, previous, hash }: (typeof forged)[number]) =>
      editAudit(
        file.path,
        `update audit set at='${at}', subject='${subject}', detail='${detail}', previous='${previous}', hash='${hash}' where seq = ${seq}`,
      )
    rewrite(forged[0] ?? {})
    expect((await verified()).broken).toBe('1 rewritten')
    for (const row of forged) rewrite(row)
    // All of it, with all its hashes: nothing inside of the database shows it.
    expect(await verified()).toEqual({ head: 5 })
    expect((await verified([anchor])).broken).toBe('5 rewritten')
  })

  it('T38: the first row bound to another log than the beginning', async () => {
    const [row] = readRows(file.path, 'select * from audit where seq = 1')
    const { auditHash } = await import('../../../src/store/audit/audit.ts')
    const moved = { ...(row as unknown as Parameters<typeof auditHash>[0]), previous: '1'.repeat(64) }
    const { hash: _old, ...said } = moved as typeof moved & { hash: string }
    editAudit(
      file.path,
      `update audit set previous = '${said.previous}', hash = '${auditHash(said)}' where seq = 1`,
    )
    expect((await verified()).broken).toBe('1 rewritten')
  })

  it('T38: an end that was cut off, with an anchor; without one it is not missed', async () => {
    const anchors = [
      { seq: 2, hash: hashOf(2) },
      { seq: 5, hash: hashOf(5) },
    ]
    expect(await verified(anchors)).toEqual({ head: 5 })
    editAudit(file.path, 'delete from audit where seq > 3')
    expect(await verified()).toEqual({ head: 3 })
    expect(await verified(anchors)).toEqual({ head: 3, broken: '4 missing' })
    editAudit(file.path, 'delete from audit')
    expect(await verified(anchors)).toEqual({ head: undefined, broken: '1 missing' })
    expect(await verified()).toEqual({ head: undefined })
  })

  it('T38: beyond the first thousand rows as well', async () => {
    await journal.transact(async (_tx, audit) => {
      for (let index = 0; index < 2_500; index++) audit({ event: 'test', subject: `${index}`, detail: {} })
    })
    expect(await verified()).toEqual({ head: 2_505 })
    editAudit(file.path, "update audit set subject = 'x' where seq = 2222")
    expect(await verified()).toEqual({ head: 2_221, broken: '2222 changed' })
  })
})

describe('T38: the database keeps the log as it is', () => {
  it.each([
    ['changed', "update audit set detail = '{}' where seq = 2"],
    ['taken out', 'delete from audit where seq = 5'],
    [
      'replaced',
      'insert or replace into audit select seq, at, event, subject, detail, previous, hash from audit where seq = 2',
    ],
    ['put in between', "insert into audit values (0, '', '', '', '', '', '')"],
  ])('T38: no row is %s', async (_what, sql) => {
    expect(() => edit(file.path, sql)).toThrow('the audit log is append-only')
    expect(await verified()).toEqual({ head: 5 })
  })
})

describe('T38: anchors', () => {
  it('T38: go on with the log, and stay where it no longer has their row', async () => {
    expect(readAnchor(anchorFile)).toBeUndefined()
    expect(await advanceAnchor(journal, anchorFile)).toBe(true)
    expect(readFileSync(anchorFile, 'utf8')).toBe(`5:${hashOf(5)}\n`)
    expect(await advanceAnchor(journal, anchorFile)).toBe(true)
    await append('f')
    expect(await advanceAnchor(journal, anchorFile)).toBe(true)
    expect(readAnchor(anchorFile)).toEqual({ seq: 6, hash: hashOf(6) })
    editAudit(file.path, 'delete from audit where seq > 3')
    expect(await advanceAnchor(journal, anchorFile)).toBe(false)
    for (const subject of ['x', 'y', 'z']) await append(subject)
    expect(await advanceAnchor(journal, anchorFile)).toBe(false)
    const anchor = readAnchor(anchorFile) as Anchor
    expect(anchor.seq).toBe(6)
    expect((await verified([anchor])).broken).toBe('6 rewritten')
  })

  it('T38: of two about one row each counts', async () => {
    const [right, wrong] = [
      { seq: 3, hash: hashOf(3) },
      { seq: 3, hash: 'ab'.repeat(32) },
    ]
    expect((await verified([right, right])).broken).toBeUndefined()
    for (const anchors of [
      [right, wrong],
      [wrong, right],
    ])
      expect((await verified(anchors)).broken).toBe('3 rewritten')
  })

  it('T38: of an empty log there is none', async () => {
    editAudit(file.path, 'delete from audit')
    expect(await advanceAnchor(journal, anchorFile)).toBe(true)
    expect(existsSync(anchorFile)).toBe(false)
  })

  it('T38: are told and taken as one line; what is none is not taken for none', () => {
    const anchor = { seq: 12, hash: 'ab'.repeat(32) }
    expect(parseAnchor(` ${anchorText(anchor)}\n`)).toEqual(anchor)
    for (const text of ['', '12', `x:${anchor.hash}`, '12:ab', `0:${anchor.hash}`])
      expect(parseAnchor(text)).toBeUndefined()
    writeAnchor(anchorFile, anchor)
    expect(readAnchor(anchorFile)).toEqual(anchor)
    writeFileSync(anchorFile, 'gone')
    expect(() => readAnchor(anchorFile)).toThrow('holds no anchor of its audit log')
    expect(() => readAnchor(dirname(anchorFile))).toThrow('EISDIR')
  })
})

describe('M4: the export', () => {
  it('M4: is one line of JSON a row, with all that its hash covers', async () => {
    const [first] = await lines()
    expect(JSON.parse(first ?? '')).toEqual({
      ...{ seq: 1, at: expect.stringMatching(/Z$/), event: 'test', subject: 'a', detail: { amount: '10' } },
      ...{ previous: '0'.repeat(64), hash: hashOf(1) },
    })
    expect(await lines()).toHaveLength(5)
  })

  it('M4, R9: names what strangers may have written, and escapes what is not ASCII', async () => {
    await append('f', { note: 'sent \u202e to \u{1f600}', hash: '0x1' })
    const last = (await lines()).at(-1) ?? ''
    expect(last).toMatch(/^[\x20-\x7e]*$/)
    expect(last).toContain('sent \\u202e to \\ud83d\\ude00')
    expect(JSON.parse(last)).toMatchObject({
      detail: { note: 'sent \u202e to \u{1f600}' },
      untrusted: ['note'],
    })
  })

  it('M4: tells what somebody has changed as it is', async () => {
    editAudit(
      file.path,
      "update audit set detail = 'no json' where seq = 2; update audit set detail = '7' where seq = 3; update audit set detail = 'null' where seq = 4",
    )
    const told = (await lines()).slice(1, 4).map((line) => JSON.parse(line))
    expect(told).toMatchObject(['no json', '7', 'null'].map((detail) => ({ detail, untrusted: ['detail'] })))
  })

  it('M4: of a time, from its beginning and before its end', async () => {
    editAudit(file.path, "update audit set at = '2026-01-0' || seq || 'T00:00:00.000Z'")
    const range = { since: '2026-01-02T00:00:00.000Z', until: '2026-01-04T00:00:00.000Z' }
    const told = (await lines(range)).map((line) => (JSON.parse(line) as { seq: number }).seq)
    expect(told).toEqual([2, 3])
  })
})

describe('M4: every transition leaves a row', () => {
  const events = () =>
    readRows(file.path, 'select event, detail from audit where seq > 5 order by seq').map(
      ({ event, detail }) => [event, JSON.parse(String(detail))],
    )

  it('M4: refusals, broadcasts and what is sent again', async () => {
    await new RefusalStore(journal).record({
      ...{ at: 'prepare', principal: 'local', reference: 'rent', chain: 'base', wallet: 'agent' },
      ...{ code: 'policy_denied', rule: 'per-transaction-cap' },
    })
    const step = await begin(journal)
    const attempt = await record(journal, step, 0n)
    const steps = new StepStore(journal)
    await steps.unknown(step.id, 'no answer', { by: 'public', outcome: 'unknown' })
    await steps.sent(attempt, null, { by: 'public', outcome: 'accepted' })
    await steps.resent(attempt, 3, { hash: attempt.hash, by: 'public', outcome: 'accepted' })
    await new HaltStore(journal).halt({}, 'stop')
    expect(events()).toMatchObject([
      ['verdict.refused', { at: 'prepare', code: 'policy_denied', rule: 'per-transaction-cap' }],
      ['intent.prepared', { digest: '0x', wallet: 'agent' }],
      ['operation.begun', { digest: '0x', verdict: 'allow' }],
      ['attempt.signed', { hash: attempt.hash, nonce: '0' }],
      ['step.unknown', { note: 'no answer', outcome: 'unknown' }],
      ['attempt.sent', { hash: attempt.hash, by: 'public', outcome: 'accepted' }],
      ['attempt.resent', { hash: attempt.hash, times: 3 }],
      ['halt.begun', { reason: 'stop' }],
    ])
    expect(await verified()).toEqual({ head: 13 })
  })
})

describe('F22: copies and torn files', () => {
  it('F22: the log of a torn journal is whole up to what was committed, and goes on', async () => {
    const copy = join(dirname(file.path), 'torn', 'journal.db')
    mkdirSync(dirname(copy))
    copyFileSync(file.path, copy)
    const wal = readFileSync(`${file.path}-wal`)
    writeFileSync(`${copy}-wal`, wal.subarray(0, wal.length - 100))
    const torn = new JournalCopy(copy)
    expect(await verifyAudit(torn)).toMatchObject({ head: { seq: 4 } })
    await torn.close()
    const { Journal } = await import('../../../src/store/journal.ts')
    const { systemClock } = await import('../../../src/primitives/clock.ts')
    const reopened = new Journal(copy, systemClock)
    await reopened.prove()
    expect(await verifyAudit(reopened)).toEqual({ head: { seq: 5, hash: expect.any(String) } })
    await reopened.close()
  })

  it('F21: a journal that is not there, or is none, is journal_unavailable and is not made', async () => {
    const missing = join(dirname(file.path), 'missing.db')
    const copy = new JournalCopy(missing)
    await expect(verifyAudit(copy)).rejects.toMatchObject({ code: 'journal_unavailable' })
    await copy.close()
    expect(existsSync(missing)).toBe(false)
    writeFileSync(missing, 'not a database, and longer than one page header'.repeat(40))
    const garbage = new JournalCopy(missing)
    await expect(verifyAudit(garbage)).rejects.toMatchObject({ code: 'journal_unavailable' })
    await garbage.close()
    await new JournalCopy(missing).close()
  })

  it('F21: a copy is only read', async () => {
    const copy = new JournalCopy(file.path)
    const write = copy.read((db) => db.deleteFrom('chains').execute())
    await expect(write).rejects.toMatchObject({ code: 'journal_unavailable' })
    await copy.close()
  })
})
