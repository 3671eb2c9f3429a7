import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HaltStore, haltScope, type OwnerOf } from '../../src/store/halts.ts'
import type { Journal } from '../../src/store/journal.ts'
import { OperationStore } from '../../src/store/operations.ts'
import { ReplacementStore } from '../../src/store/replacements.ts'
import type { IntentRow } from '../../src/store/schema.ts'
import { StepStore } from '../../src/store/steps/steps.ts'
import { begin, bytesOf, type JournalFile, journalFile, LANE, record } from '../nonces/support/begun.ts'
import { readRows } from '../support/engine.ts'
import { fromTheStart } from '../support/ledger.ts'
import { testClock } from '../support/testClock.ts'
import { edit } from './support/edit.ts'

// Two journals on one file: the operator's command and the server.
let file: JournalFile
let server: Journal
let operator: HaltStore
const clock = testClock()

beforeEach(() => {
  file = journalFile()
  server = file.open()
  operator = new HaltStore(file.open(clock))
})
afterEach(() => file.remove())

const rows = (sql: string) => readRows(file.path, sql)
const attempts = () => rows('select count(*) as n from attempts')
const payer = { ...LANE, wallet: 'agent' }

describe('F5: a halt', () => {
  it('F5, R2: what is not recorded as signed when it is committed is not recorded any more', async () => {
    const [first, second] = [await begin(server), await begin(server)]
    await record(server, first, 0n)
    await operator.halt({}, 'a key leaked')
    await expect(record(server, second, 1n)).rejects.toMatchObject({
      code: 'halted',
      kind: 'policy',
      retry: 'no',
      sideEffect: 'none',
      context: { scope: 'for every wallet on every chain', reason: 'a key leaked' },
    })
    expect(attempts()).toEqual([{ n: 1 }])
    // The bytes of before are still those that are sent.
    expect((await record(server, first, 0n)).nonce).toBe('00000000000000000000')
    await operator.resume({})
    await record(server, second, 1n)
    expect(attempts()).toEqual([{ n: 2 }])
  })

  it('F5: keeps a payment from being begun, and a replacement from being recorded', async () => {
    const step = await begin(server)
    const attempt = await record(server, step, 0n)
    await operator.halt({}, 'stop')
    await expect(begin(server)).rejects.toMatchObject({ code: 'halted' })
    expect(rows('select count(*) as n from operations')).toEqual([{ n: 1 }])
    const [prepared] = rows(
      'select id, digest, chain from intents where id not in (select intent_id from operations)',
    )
    const intent = prepared as unknown as { id: string; digest: string; chain: string }
    const bytes = bytesOf(step, 9n)
    const wanted = { intent, kind: 'speed_up' as const, signed: bytes, receipt: '{}' }
    const replacing = () => new ReplacementStore(server).record(step, attempt.id, wanted)
    await expect(replacing()).rejects.toMatchObject({ code: 'halted' })
    expect(rows('select kind from attempts')).toEqual([{ kind: 'original' }])
    await operator.resume({})
    expect((await replacing()).kind).toBe('speed_up')
  })

  it.each([
    ['the name of the wallet, whatever its capital letters', { wallet: 'AGENT' }, true],
    ['its address', { wallet: '0xa' }, true],
    ['its chain', { chain: LANE.chain }, true],
    ['both', { wallet: 'agent', chain: LANE.chain }, true],
    ['another wallet', { wallet: 'ops' }, false],
    ['another chain', { chain: 'eip155:1' }, false],
    ['this wallet on another chain', { wallet: 'agent', chain: 'eip155:1' }, false],
  ])('F5: of %s stops what it covers and nothing else', async (_what, scope, covers) => {
    const step = await begin(server)
    await operator.halt(scope, 'stop')
    const reads = new HaltStore(server)
    expect((await reads.of(payer)) !== undefined).toBe(covers)
    expect((await reads.ofStep(step)) !== undefined).toBe(covers)
    const required = reads.require(payer)
    const recorded = record(server, step, 0n)
    if (covers) {
      await expect(required).rejects.toMatchObject({ code: 'halted' })
      await expect(recorded).rejects.toMatchObject({ code: 'halted' })
    } else {
      await required
      expect((await recorded).state).toBe('signed')
    }
  })

  const ownerOf: OwnerOf = ({ chain, account }) =>
    chain === LANE.chain && account === LANE.account
      ? { name: 'keeper-until-20260101', address: '0xb' }
      : undefined

  it.each([
    ['the name of the owner', { wallet: 'Keeper' }, true],
    ['its address', { wallet: '0xB' }, true],
    ['another wallet', { wallet: '0xC' }, false],
  ])(
    'F5: of %s covers the contract accounts that its key signs for, as it does',
    async (_what, scope, covers) => {
      const [step, other] = [await begin(server), await begin(server, { ...LANE, account: '0xD' })]
      await operator.halt(scope, 'stop')
      const reads = new HaltStore(server, ownerOf)
      expect((await reads.of(payer)) !== undefined).toBe(covers)
      expect((await reads.ofStep(step)) !== undefined).toBe(covers)
      expect(await reads.ofStep(other)).toBeUndefined()
      const steps = new StepStore(server, ownerOf)
      const recorded = steps.recordAttempt(step, 0n, bytesOf(step, 0n), { receipt: '{}' })
      if (covers) await expect(recorded).rejects.toMatchObject({ code: 'halted' })
      else expect((await recorded).state).toBe('signed')
    },
  )

  it('F5: of the owner keeps a payment of its contract account from being begun, and a replacement from being recorded', async () => {
    const step = await begin(server)
    const attempt = await record(server, step, 0n)
    await operator.halt({}, 'stop')
    await expect(begin(server)).rejects.toMatchObject({ code: 'halted' })
    const [prepared] = rows('select * from intents where id not in (select intent_id from operations)')
    const intent = prepared as unknown as IntentRow
    await operator.resume({})
    await operator.halt({ wallet: 'keeper' }, 'stop')
    const lease = { owner: 'test', until: '2099-01-01T00:00:00.000Z' }
    const begun = new OperationStore(server, ownerOf).begin(intent, lease, fromTheStart, () => [])
    await expect(begun).rejects.toMatchObject({ code: 'halted' })
    const wanted = { intent, kind: 'speed_up' as const, signed: bytesOf(step, 9n), receipt: '{}' }
    const replaced = new ReplacementStore(server, ownerOf).record(step, attempt.id, wanted)
    await expect(replaced).rejects.toMatchObject({ code: 'halted' })
    expect(rows('select kind from attempts')).toEqual([{ kind: 'original' }])
  })

  it('F5: nothing covers a step while none is in force', async () => {
    expect(await new HaltStore(server).ofStep(await begin(server))).toBeUndefined()
  })

  it('F5: a second one renews the reason and keeps the time; each is lifted by its own scope, or all at once', async () => {
    const { since } = await operator.halt({}, 'first')
    clock.advance(60_000)
    expect(await operator.halt({}, 'second')).toEqual({ since, reason: 'second' })
    await operator.halt({ wallet: 'agent' }, 'third')
    const named = await operator.halt({ wallet: 'agent', chain: 'eip155:1' }, 'fourth')
    expect(haltScope(named)).toBe('for wallet agent on eip155:1')
    expect((await operator.list()).map(({ reason }) => reason)).toEqual(['second', 'third', 'fourth'])
    expect(await operator.resume({ wallet: 'ops' })).toEqual([])
    expect((await operator.resume({})).map(haltScope)).toEqual(['for every wallet on every chain'])
    expect(await operator.resume('all')).toHaveLength(2)
    expect(await operator.list()).toEqual([])
    expect(rows("select event, subject from audit where event like 'halt.%' order by seq")).toEqual([
      { event: 'halt.begun', subject: '* *' },
      { event: 'halt.begun', subject: '* *' },
      { event: 'halt.begun', subject: 'agent *' },
      { event: 'halt.begun', subject: 'agent eip155:1' },
      { event: 'halt.lifted', subject: '* *' },
      { event: 'halt.lifted', subject: 'agent *' },
      { event: 'halt.lifted', subject: 'agent eip155:1' },
    ])
  })

  it('F5, R9: its reason is one short line', async () => {
    const { reason } = await operator.halt({}, `now\n\u202e${'x'.repeat(300)}`)
    expect(reason).toBe(`now\\u{a}\\u{202e}${'x'.repeat(184)}…`)
  })

  it('F5: knows for which wallets anything was prepared', async () => {
    await begin(server)
    expect(await operator.isKnown('Agent')).toBe(true)
    expect(await operator.isKnown('0xA')).toBe(true)
    expect(await operator.isKnown('agnet')).toBe(false)
  })
})

it('F5: a halt that cannot be read is not taken for none: nothing is signed', async () => {
  const step = await begin(server)
  edit(file.path, 'drop table halts')
  await expect(record(server, step, 0n)).rejects.toMatchObject({ code: 'journal_unavailable' })
  await expect(new HaltStore(server).of(payer)).rejects.toMatchObject({ code: 'journal_unavailable' })
  await expect(new HaltStore(server).ofStep(step)).rejects.toMatchObject({ code: 'journal_unavailable' })
  expect(attempts()).toEqual([{ n: 0 }])
  expect(await new StepStore(server).abandon(step.id, 'x').catch(() => 'refused')).toBe('refused')
})
