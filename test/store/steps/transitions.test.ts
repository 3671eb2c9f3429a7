import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../../src/primitives/clock.ts'
import { Journal } from '../../../src/store/journal.ts'
import { NonceTableStore } from '../../../src/store/nonces/nonces.ts'
import { OperationStore } from '../../../src/store/operations.ts'
import { ReplacementStore } from '../../../src/store/replacements.ts'
import type { AttemptRow, StepRow } from '../../../src/store/schema.ts'
import { type Inclusion, StepStore } from '../../../src/store/steps/steps.ts'
import {
  begin,
  beginMany,
  bytesOf,
  type JournalFile,
  journalFile,
  LANE,
  record,
} from '../../nonces/support/begun.ts'
import { readRows } from '../../support/engine.ts'
import { fromTheStart, uncounted } from '../../support/ledger.ts'

// Two journals on one file: what two processes have.
let file: JournalFile
let journal: Journal
let other: Journal
let steps: StepStore

beforeEach(() => {
  file = journalFile()
  journal = file.open()
  other = file.open()
  steps = new StepStore(journal)
})
afterEach(() => file.remove())

const rows = (sql: string) => readRows(file.path, sql)
const inBlock = (blockHash: string, confirmations: number, final = false): Inclusion => ({
  blockNumber: '7',
  blockHash,
  succeeded: true,
  gasUsed: 21_000n,
  feePaid: 1n,
  confirmations,
  final,
})

async function sent(): Promise<{ step: StepRow; attempt: AttemptRow }> {
  const step = await begin(journal)
  const attempt = await record(journal, step, 0n)
  await steps.sent(attempt)
  return { step, attempt }
}

it('F16: a count of confirmations that comes late changes nothing of a step that was moved on', async () => {
  const { step, attempt } = await sent()
  await steps.included(attempt, inBlock('0x7', 2))
  await steps.confirmations(step.id, 3)
  expect(rows('select state, confirmations as n from steps')).toEqual([{ state: 'included', n: 3 }])
  await steps.reorganised(attempt)
  await new StepStore(other).confirmations(step.id, 4)
  expect(rows('select state, confirmations as n from steps')).toEqual([{ state: 'sent', n: 0 }])
  await steps.included(attempt, inBlock('0x8', 12, true))
  await new StepStore(other).confirmations(step.id, 5)
  expect(rows('select state, confirmations as n from steps')).toEqual([{ state: 'final', n: 12 }])
})

it.each([
  ['lost by the network', (attempt: AttemptRow) => steps.dropped(attempt.step_id)],
  ['in doubt', (attempt: AttemptRow) => steps.unknown(attempt.step_id, 'in doubt')],
  ['kept by nothing', (attempt: AttemptRow) => steps.waits(attempt.step_id, null)],
])('C3: an operation that waits for too long is stuck, until what was sent is %s', async (_what, move) => {
  const { attempt } = await sent()
  const state = () => rows('select state from operations')
  await steps.waits(attempt.step_id, 'outbid')
  expect(state()).toEqual([{ state: 'stuck' }])
  // What is known of the newest bytes goes on being recorded.
  await move(attempt)
  expect(state()).toEqual([{ state: 'running' }])
  await steps.included(attempt, inBlock('0x7', 12, true))
  await new StepStore(other).waits(attempt.step_id, 'a stale look')
  expect(state()).toEqual([{ state: 'committed' }])
  const told = rows("select event from audit where event like 'operation.%' order by seq")
  expect(told.map(({ event }) => event)).toContain('operation.stuck')
})

it('F16: what was reverted for good stays so, whatever a process that was paused saw before', async () => {
  const { step, attempt } = await sent()
  await steps.included(attempt, { ...inBlock('0x7', 12, true), succeeded: false })
  const ended = () =>
    rows(`select s.state as step, o.state, n.state as nonce, s.confirmations as n
      from steps s join operations o on o.id = s.operation_id join nonces n on n.step_id = s.id`)
  const before = [{ step: 'reverted', state: 'failed', nonce: 'mined', n: 12 }]
  expect(ended()).toEqual(before)
  const late = new StepStore(other)
  await late.reorganised(attempt)
  await late.included(attempt, inBlock('0x8', 1))
  await late.confirmations(step.id, 3)
  expect(ended()).toEqual(before)
})

it('F9: after a reorganisation the newest bytes are those that wait, whichever had been included', async () => {
  const { step, attempt } = await sent()
  await new ReplacementStore(journal).record(step, attempt.id, await replacement('faster'))
  await steps.included(attempt, inBlock('0x7', 1))
  expect(rows('select kind, state from attempts order by kind')).toEqual([
    { kind: 'original', state: 'included' },
    { kind: 'speed_up', state: 'superseded' },
  ])
  await steps.reorganised(attempt)
  expect(rows('select kind, state from attempts order by kind')).toEqual([
    { kind: 'original', state: 'superseded' },
    { kind: 'speed_up', state: 'sent' },
  ])
})

it('F12: what was included meanwhile is not replaced, and the new bytes are forgotten', async () => {
  const { step, attempt } = await sent()
  await steps.included(attempt, inBlock('0x7', 1))
  const late = new ReplacementStore(other).record(step, attempt.id, await replacement('late'))
  await expect(late).rejects.toMatchObject({
    code: 'not_replaceable',
    context: { reason: 'it was included meanwhile' },
  })
  expect(rows('select kind from attempts')).toEqual([{ kind: 'original' }])
})

it('F16, R5: nothing is held for the replacement of what has ended meanwhile', async () => {
  const { step, attempt } = await sent()
  await steps.included(attempt, inBlock('0x7', 12, true))
  const asked: string[] = []
  const late = new ReplacementStore(other).hold(step, fromTheStart, () => {
    asked.push('admit')
    return { reservations: [{ asset: 'native', raw: '1', kind: 'fee' }], ...uncounted }
  })
  await expect(late).rejects.toMatchObject({ code: 'receipt_refused', sideEffect: 'none' })
  expect(asked).toEqual([])
  expect(rows('select * from reservations')).toEqual([])
})

/** Bytes of a replacement whose intent is in the journal. */
async function replacement(name: string) {
  const made = await begin(journal, { chain: 'eip155:31338', account: '0xB' })
  const [intent] = rows(`select i.id, i.digest, i.chain from intents i join operations o on o.intent_id = i.id
    join steps s on s.operation_id = o.id where s.id = '${made.id}'`)
  return {
    intent: intent as { id: string; digest: string; chain: string },
    kind: 'speed_up' as const,
    signed: bytesOf({ ...made, id: name }, 0n),
    receipt: '{}',
  }
}

it('R4: what two processes free at once is freed once', async () => {
  const step = await begin(journal)
  await new NonceTableStore(journal).reserve(step, 0n)
  await Promise.all([journal, other].map((each) => new NonceTableStore(each).release(step)))
  expect(rows("select count(*) as n from audit where event = 'nonce.released'")).toEqual([{ n: 1 }])
  expect(rows('select state from steps')).toEqual([{ state: 'queued' }])
  expect(rows('select * from nonces')).toEqual([])
})

it('a journal that nothing was written to has no identity that lanes could share', async () => {
  await expect(new NonceTableStore(journal).identity()).rejects.toThrow('the journal is empty')
})

it('R4, T40: a lane is not told from a floor that cannot be a count of mined transactions', async () => {
  const table = new NonceTableStore(journal)
  const many = await beginMany(journal, 1_025)
  await Promise.all(many.map((step, index) => table.reserve(step, BigInt(index))))
  expect(await table.held(LANE, 1n)).toHaveLength(1_024)
  await expect(table.held(LANE, 0n)).rejects.toThrow('more than 1024 nonces above 0')
}, 60_000)

it('R1: payloads of what waits are right when more were asked for than are remembered', async () => {
  const operations = new OperationStore(journal)
  const lanes = Array.from({ length: 17 }, (_, index) => ({ ...LANE, account: `0x${index}` }))
  const payloads = new Map<string, object[]>()
  for (const lane of lanes) {
    const all = await Promise.all(Array.from({ length: 60 }, () => begin(journal, lane)))
    await Promise.all(all.map((step, index) => record(journal, step, BigInt(index))))
    payloads.set(
      lane.account,
      all.map(({ id }) => ({ of: id })),
    )
  }
  await other.transact((tx) =>
    tx
      .updateTable('steps')
      .set(({ fn, val, ref }) => ({ payload: fn<string>('printf', [val('{"of":"%s"}'), ref('id')]) }))
      .execute(),
  )
  // The second time the first of them were forgotten.
  for (const { chain, account } of [...lanes, ...lanes]) {
    const waiting = await operations.waiting(chain, account)
    expect(waiting.map(({ nonce }) => nonce)).toEqual(Array.from({ length: 60 }, (_, index) => BigInt(index)))
    expect(waiting.map(({ payload }) => payload)).toEqual(payloads.get(account))
  }
}, 60_000)

it('R1: those who ask what waits at once share an answer, and who asks later is told what was signed since', async () => {
  const { chain, account } = LANE
  const operations = new OperationStore(journal)
  const nonces = async () => (await operations.waiting(chain, account)).map(({ nonce }) => nonce)
  await record(other, await begin(other), 0n)
  const [one, two] = await Promise.all([1, 2].map(() => operations.waiting(chain, account)))
  expect(one?.map(({ nonce }) => nonce)).toEqual([0n])
  expect(two).toBe(one)
  const step = await begin(journal)
  const asked = nonces()
  await record(journal, step, 1n)
  expect(await nonces()).toEqual([0n, 1n])
  expect(await asked).toEqual([0n])
})

it('R1: what waits is found behind more than are looked at that are mined', async () => {
  const all = await beginMany(journal, 66)
  const attempts = await Promise.all(all.map((step, index) => record(journal, step, BigInt(index))))
  await Promise.all(attempts.slice(0, 65).map((attempt) => steps.included(attempt, inBlock('0x7', 1))))
  const waiting = await new OperationStore(journal).waiting(LANE.chain, LANE.account)
  expect(waiting.map(({ nonce }) => nonce)).toEqual([65n])
})

it('R1: those who ask at once of other chains, accounts or nonces have answers of their own', async () => {
  const operations = new OperationStore(journal)
  const lanes = [LANE, { ...LANE, chain: 'eip155:31338' }, { ...LANE, account: '0xB' }]
  for (const [nonce, lane] of lanes.entries()) {
    await record(journal, await begin(journal, lane), BigInt(nonce))
  }
  const asked = lanes.flatMap(({ chain, account }) =>
    [undefined, 1n].map((below) => operations.waiting(chain, account, below)),
  )
  const told = (await Promise.all(asked)).map((each) => each.map(({ nonce }) => nonce))
  expect(told).toEqual([[0n], [0n], [1n], [], [2n], []])
})

it('R1: what waits is asked again of a journal that could not be opened', async () => {
  const { chain, account } = LANE
  const folder = join(dirname(file.path), 'in the way')
  writeFileSync(folder, '')
  const blocked = new Journal(join(folder, 'journal.db'), systemClock)
  const operations = new OperationStore(blocked)
  await expect(operations.waiting(chain, account)).rejects.toMatchObject({ code: 'journal_unavailable' })
  rmSync(folder)
  expect(await operations.waiting(chain, account)).toEqual([])
  await blocked.close()
})

it('R1: payloads that are large are remembered up to eight million characters, the latest ones', async () => {
  const operations = new OperationStore(journal)
  const lanes = [0, 1].map((index) => ({ ...LANE, account: `0x${index}` }))
  const all = await Promise.all(lanes.map((lane) => begin(journal, lane)))
  for (const step of all) await record(journal, step, 0n)
  const write = (text: string) =>
    other.transact((tx) =>
      tx
        .updateTable('steps')
        .set({ payload: JSON.stringify(text) })
        .execute(),
    )
  const told = async (which: 0 | 1) =>
    (await operations.waiting(LANE.chain, `0x${which}`)).map(({ payload }) => String(payload)[0])
  await write(`a${'0'.repeat(3_999_997)}`)
  expect([await told(0), await told(1)]).toEqual([['a'], ['a']])
  await write('b')
  // Both fit: neither was read again.
  expect([await told(1), await told(0)]).toEqual([['a'], ['a']])
  const third = await begin(journal, { ...LANE, account: '0x2' })
  await record(journal, third, 0n)
  await write(`c${'0'.repeat(3_999_998)}`)
  expect((await operations.waiting(LANE.chain, '0x2')).map(({ payload }) => String(payload).length)).toEqual([
    3_999_999,
  ])
  // The one that was asked for last stays as long as there is room; one character more and there is none.
  expect([await told(1), await told(0)]).toEqual([['c'], ['c']])
  await write('d')
  expect(await told(0)).toEqual(['c'])
  expect(await told(1)).toEqual(['d'])
})

it('R5: a replacement holds what it may take or what it replaces may take, whichever is more', async () => {
  const { step } = await sent()
  const replacements = new ReplacementStore(journal)
  const held = async (raw: string) => {
    const reservations = [{ asset: 'fuel', raw, kind: 'fee' as const }]
    await replacements.hold(step, fromTheStart, () => ({ reservations, ...uncounted }))
    return rows("select raw from reservations where asset = 'fuel' and state = 'held'")
  }
  expect(await held('50')).toEqual([{ raw: '50' }])
  expect(await held('9')).toEqual([{ raw: '50' }])
  expect(await held('100')).toEqual([{ raw: '100' }])
})
