import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApprovalStore, approvalOf, isSpent, useApproval } from '../../src/store/approvals.ts'
import { IntentStore } from '../../src/store/intents.ts'
import { Journal } from '../../src/store/journal.ts'
import { OperationStore } from '../../src/store/operations.ts'
import { readRows } from '../support/engine.ts'
import { fromTheStart } from '../support/ledger.ts'
import { refusalOf, writeJournal } from '../support/people.ts'
import { testClock } from '../support/testClock.ts'

let folder: string
let path: string
let journal: Journal
let intents: IntentStore
let approvals: ApprovalStore

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bursar-approvals-'))
  path = join(folder, 'journal.db')
  journal = new Journal(path, testClock())
  intents = new IntentStore(journal)
  approvals = new ApprovalStore(journal)
})
afterEach(async () => {
  await journal.close()
  rmSync(folder, { recursive: true, force: true })
})

const SIGNED = { statement: '{"random":"aa"}', signature: '0b', signer: '0c' }

/** Prepares, or renews, an intent that needs an approval unless `plan` is left out. */
async function prepare(id: string, digest = 'd1', plan: string | null = 'p1') {
  const row = {
    ...{ id, principal: 'local', idempotency_key: id, arguments: '{}', digest, chain: 'eip155:31337' },
    ...{ account: '0x01', wallet: 'agent', plan: '{}', expires_at: '2099-01-01T00:00:00.000Z' },
  }
  return (await intents.save(row, plan === null ? {} : { planDigest: plan })).intent
}

const seen = (intent_id: string, digest = 'd1', plan_digest = 'p1') => ({ intent_id, digest, plan_digest })
const reasonOf = async (call: Promise<unknown>) => (await refusalOf(call)).message
const stateOf = async (id: string) => (await approvals.find(id))?.state

/** Begins its operation, and uses its approval up in the same transition. */
async function begin(id: string, random: string | undefined) {
  const intent = await intents.find(id)
  if (!intent) throw new Error('prepared')
  const lease = { owner: 'proc_1', until: '2099-01-01T00:00:00.000Z' }
  const operations = new OperationStore(journal)
  return operations.begin(intent, lease, fromTheStart, () => [], {
    authorise: async ({ tx, audit, operationId, now }) =>
      useApproval(tx, audit, { ...seen(id), operationId, random }, now),
  })
}

describe('an intent that needs an approval', () => {
  it('waits for it from when it is prepared, and is asked about anew when it is renewed', async () => {
    await prepare('int_1')
    expect(await approvals.find('int_1')).toMatchObject({ state: 'pending', digest: 'd1', plan_digest: 'p1' })
    await approvals.approve(seen('int_1'), SIGNED)
    expect(await approvals.find('int_1')).toMatchObject({ state: 'approved', ...SIGNED })
    await prepare('int_1', 'd2', 'p2')
    expect(await approvals.find('int_1')).toMatchObject({ state: 'pending', digest: 'd2', statement: null })
  })

  it('waits no more when it is renewed as one that needs none', async () => {
    await prepare('int_1')
    const row = await prepare('int_1', 'd2', null)
    expect(row.digest).toBe('d2')
    expect(await approvals.find('int_1')).toBeUndefined()
  })

  it('is listed with others, newest first, while it is what was asked about', async () => {
    expect(await approvals.open()).toEqual([])
    for (const id of ['int_1', 'int_2', 'int_3']) await prepare(id)
    await approvals.approve(seen('int_2'), SIGNED)
    await approvals.deny(seen('int_3'), 'no', undefined)
    const ids = async () => (await approvals.open()).map(({ intent }) => intent.id)
    expect(await ids()).toEqual(['int_1', 'int_2'])
    writeJournal(path, "update intents set digest = 'other' where id = 'int_1'")
    expect(await ids()).toEqual(['int_2'])
  })
})

describe('a decision', () => {
  it('is about what was looked at, once, and not about what was decided before', async () => {
    await prepare('int_1')
    const approve = (...about: Parameters<typeof seen>) => approvals.approve(seen(...about), SIGNED)
    expect(await reasonOf(approve('int_9'))).toContain('prepared anew')
    expect(await reasonOf(approve('int_1', 'd2'))).toContain('prepared anew')
    expect(await reasonOf(approve('int_1', 'd1', 'p2'))).toContain('prepared anew')
    await approve('int_1')
    expect(await reasonOf(approve('int_1'))).toContain('approved already')
    await approvals.deny(seen('int_1'), 'no', 'aa')
    expect(await reasonOf(approve('int_1'))).toContain('it was denied')
    expect(await journal.transact((tx) => isSpent(tx, 'aa'))).toBe(true)
    expect(await journal.transact((tx) => isSpent(tx, 'bb'))).toBe(false)
  })

  it('to deny stands, whatever is prepared again under the same key', async () => {
    await prepare('int_1')
    await approvals.deny(seen('int_1'), 'no', undefined)
    expect((await prepare('int_1', 'd2', 'p2')).digest).toBe('d1')
    expect(await stateOf('int_1')).toBe('denied')
  })

  it('comes too late for what was executed', async () => {
    for (const id of ['int_1', 'int_2']) await prepare(id)
    await approvals.approve(seen('int_1'), SIGNED)
    await begin('int_1', 'aa')
    expect(await stateOf('int_1')).toBe('used')
    expect(await reasonOf(approvals.deny(seen('int_1'), 'no', 'aa'))).toContain('executed already')
    writeJournal(path, "update operations set intent_id = 'int_2'")
    expect(await reasonOf(approvals.deny(seen('int_1'), 'no', 'aa'))).toContain('executed already')
  })
})

it('T24: that was executed without one, since no rule wanted it any more, can be approved no more', async () => {
  const intent = await prepare('int_1')
  const lease = { owner: 'proc_1', until: '2099-01-01T00:00:00.000Z' }
  await new OperationStore(journal).begin(intent, lease, fromTheStart, () => [])
  expect(await stateOf('int_1')).toBe('pending')
  expect(await reasonOf(approvals.approve(seen('int_1'), SIGNED))).toContain('executed already')
})

describe('R3, T24: an approval that is used', () => {
  it('is used with its operation, and its random number never again', async () => {
    for (const id of ['int_1', 'int_2']) await prepare(id)
    await approvals.approve(seen('int_1'), SIGNED)
    const { id } = await begin('int_1', 'aa')
    expect(await approvals.find('int_1')).toMatchObject({ state: 'used', operation_id: id, ...SIGNED })
    expect(readRows(path, 'select random, intent_id from spent_approvals')).toEqual([
      { random: 'aa', intent_id: 'int_1' },
    ])
    await expect(begin('int_2', 'aa')).rejects.toThrow(/UNIQUE/)
    expect(await stateOf('int_2')).toBe('pending')
    expect(readRows(path, 'select intent_id from operations')).toEqual([{ intent_id: 'int_1' }])
  })

  it('by a yes in the client keeps nothing that looks as if it had been signed', async () => {
    await prepare('int_1')
    await approvals.approve(seen('int_1'), SIGNED)
    await begin('int_1', undefined)
    expect(await journal.transact((tx) => approvalOf(tx, 'int_1'))).toMatchObject({
      ...{ state: 'used', statement: null, signature: null, signer: null },
    })
    const audit = readRows(path, "select detail from audit where event = 'approval.used'")
    expect(JSON.parse(String(audit[0]?.['detail']))).toMatchObject({ by: 'client', digest: 'd1' })
  })
})
