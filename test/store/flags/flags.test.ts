import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FlagRule } from '../../../src/primitives/flags.ts'
import type { Logger } from '../../../src/primitives/logger.ts'
import { CurrentFlags } from '../../../src/store/flags/currentFlags.ts'
import { EVERY_FLAG, FlagStore } from '../../../src/store/flags/flags.ts'
import { flagOutcomes } from '../../../src/store/flags/flagUses.ts'
import { IntentStore } from '../../../src/store/intents.ts'
import type { Journal } from '../../../src/store/journal.ts'
import { OperationStore } from '../../../src/store/operations.ts'
import { StepStore } from '../../../src/store/steps/steps.ts'
import { type JournalFile, journalFile, LANE, record } from '../../nonces/support/begun.ts'
import { readRows } from '../../support/engine.ts'
import { fromTheStart, uncounted } from '../../support/ledger.ts'
import { testClock } from '../../support/testClock.ts'
import { edit } from '../support/edit.ts'

// Two journals on one file: the operator's command and the server.
let file: JournalFile
let server: Journal
let operator: FlagStore
let flags: CurrentFlags
let elapsed: number
const warned: string[] = []
const clock = testClock()

beforeEach(() => {
  file = journalFile()
  server = file.open(clock)
  operator = new FlagStore(file.open(clock))
  elapsed = 0
  warned.length = 0
  const logger = { warn: (message: string) => void warned.push(message) } as unknown as Logger
  flags = new CurrentFlags({ store: new FlagStore(server), logger, elapsed: () => elapsed })
})
afterEach(() => file.remove())

const subject = { principal: 'local', key: 'k', chain: LANE.chain, wallet: 'agent', account: LANE.account }
const off: FlagRule = { percent: 100, variants: { off: 1 }, otherwise: 'on' }
const on: FlagRule = { percent: 100, variants: { on: 1 }, otherwise: 'off' }
const rows = (sql: string) => readRows(file.path, sql)

/** As a server decides it a second later. */
async function later(flag: 'call-batching' | 'private-route' | 'default-urgency' = 'call-batching') {
  elapsed += 1_000
  return (await flags.decide(flag, subject)).variant
}

describe('F5: flags', () => {
  it('F5: are as usual while nothing is set, and as they are set within a second, without a restart', async () => {
    expect(await flags.decide('call-batching', subject)).toEqual({ variant: 'on', ruled: false })
    expect(await operator.set('call-batching', off)).toBe(1)
    elapsed += 499
    expect((await flags.decide('call-batching', subject)).variant).toBe('on')
    elapsed += 1
    expect(await flags.decide('call-batching', subject)).toEqual({ variant: 'off', ruled: true })
    expect(await operator.set('call-batching', undefined)).toBe(2)
    expect(await later()).toBe('on')
  })

  it('F5: roll back to the set before, further back each time, or to any set by its number', async () => {
    expect(await operator.rollback()).toBeUndefined()
    await operator.set('call-batching', off)
    await operator.set('private-route', off)
    await operator.set('call-batching', on)
    const inForce = async () =>
      Object.keys((await operator.state()).rules)
        .sort()
        .join()
    expect(await operator.rollback()).toEqual({ set: 4, restored: 2 })
    expect([await inForce(), await later()]).toEqual(['call-batching,private-route', 'off'])
    expect(await operator.rollback()).toEqual({ set: 5, restored: 1 })
    expect([await inForce(), await later('private-route')]).toEqual(['call-batching', 'on'])
    expect(await operator.rollback()).toEqual({ set: 6, restored: 0 })
    expect([await inForce(), await later()]).toEqual(['', 'on'])
    expect(await operator.rollback(3)).toEqual({ set: 7, restored: 3 })
    expect(await operator.rollback(99)).toBeUndefined()
    expect(await later('private-route')).toBe('off')
    expect(rows("select event, detail from audit where event like 'flags.%' order by seq")).toMatchObject([
      { event: 'flags.set', detail: expect.stringContaining('"set":1') },
      { event: 'flags.set' },
      { event: 'flags.set' },
      { event: 'flags.rolled-back', detail: '{"restored":2,"set":4}' },
      { event: 'flags.rolled-back', detail: '{"restored":1,"set":5}' },
      { event: 'flags.rolled-back', detail: '{"restored":0,"set":6}' },
      { event: 'flags.rolled-back', detail: '{"restored":3,"set":7}' },
    ])
  })

  it('F5: that are stopped are off whatever is set or rolled back, one or all, until that is lifted', async () => {
    await operator.set('call-batching', on)
    await operator.stop('call-batching', 'a bug')
    expect(await later()).toBe('off')
    await operator.set('call-batching', { ...on, percent: 50 })
    await operator.rollback()
    expect(await later()).toBe('off')
    expect(await later('private-route')).toBe('on')
    await operator.stop(EVERY_FLAG, 'worse')
    expect([await later('private-route'), await later('default-urgency')]).toEqual(['off', 'standard'])
    expect(await operator.lift('call-batching')).toBe(true)
    expect(await operator.lift('call-batching')).toBe(false)
    expect(await later()).toBe('off')
    expect(await operator.lift(EVERY_FLAG)).toBe(true)
    expect(await later()).toBe('on')
    expect((await operator.state()).stopped.size).toBe(0)
    expect(
      rows(
        "select event, subject from audit where event like 'flags.%' and event != 'flags.set' order by seq",
      ),
    ).toEqual([
      { event: 'flags.stopped', subject: 'call-batching' },
      { event: 'flags.rolled-back', subject: '*' },
      { event: 'flags.stopped', subject: '*' },
      { event: 'flags.lifted', subject: 'call-batching' },
      { event: 'flags.lifted', subject: '*' },
    ])
  })

  it.each([
    ['are gone', 'drop table flag_sets'],
    ['are no JSON', "insert into flag_sets values (9, null, '', 'nonsense')"],
    [
      'are no rules',
      `insert into flag_sets values (9, null, '', '{"call-batching":{"percent":900,"variants":{"on":1},"otherwise":"off"}}')`,
    ],
    ['lack what a rule has', `insert into flag_sets values (9, null, '', '{"call-batching":{}}')`],
  ])('F5: whose rules %s are at what is safe, not at what they were', async (_what, sql) => {
    await operator.set('call-batching', on)
    expect(await later()).toBe('on')
    edit(file.path, sql)
    expect([await later(), await later('private-route'), await later('default-urgency')]).toEqual([
      'off',
      'on',
      'standard',
    ])
    expect(warned).toEqual(Array(3).fill('a flag could not be read'))
    // Asked again at once, not after a second.
    expect((await flags.decide('call-batching', subject)).variant).toBe('off')
    expect(warned).toHaveLength(4)
  })

  it('F5: that a later version has set are left alone', async () => {
    await operator.set('call-batching', on)
    edit(file.path, `insert into flag_sets values (9, 1, '', '{"of-tomorrow":{"percent":1}}')`)
    expect(await later()).toBe('on')
    expect(await operator.set('private-route', off)).toBe(10)
    expect(rows('select rules from flag_sets where id = 10')).toMatchObject([
      { rules: expect.stringContaining('of-tomorrow') },
    ])
  })

  it('F5: an old reading that fails does not take the place of a newer one', async () => {
    const answers: { resolve(state: unknown): void; reject(error: Error): void }[] = []
    const state = () =>
      new Promise<never>((resolve, reject) => void answers.push({ resolve: resolve as never, reject }))
    const logger = { warn: () => undefined } as unknown as Logger
    const slow = new CurrentFlags({ store: { state }, logger, elapsed: () => elapsed })
    const first = slow.decide('call-batching', subject)
    elapsed += 1_000
    const second = slow.decide('call-batching', subject)
    answers[1]?.resolve({ set: 1, rules: { 'call-batching': off }, stopped: new Map() })
    answers[0]?.reject(new Error('late'))
    expect([(await first).variant, (await second).variant]).toEqual(['off', 'off'])
    expect(await slow.decide('call-batching', subject)).toEqual({ variant: 'off', ruled: true })
    expect(answers).toHaveLength(2)
  })
  it('F5: are read by a clock of their own unless another is given', async () => {
    const own = new CurrentFlags({
      store: new FlagStore(server),
      logger: { warn: () => undefined } as unknown as Logger,
    })
    expect((await own.decide('call-batching', subject)).variant).toBe('on')
  })
})

describe('F5: outcomes', () => {
  const step = {
    ...{ role: 'pivot' as const, recipient: '0x', payload: '{}', terms: '{}', outflow: '{}', receipt: '{}' },
    reservations: [],
    ...uncounted,
  }
  async function operation(name: string, variant: string, chain: string = LANE.chain) {
    const { intent } = await new IntentStore(server).save({
      ...{ id: `int_${name}`, principal: 'local', idempotency_key: name, arguments: '{}', digest: '0x' },
      ...{
        chain,
        account: LANE.account,
        wallet: 'agent',
        plan: '{}',
        expires_at: '2099-01-01T00:00:00.000Z',
      },
    })
    const lease = { owner: 'test', until: '2099-01-01T00:00:00.000Z' }
    const chosen = { 'default-urgency': variant, 'call-batching': 'on' }
    const operations = new OperationStore(server)
    const { created } = await operations.begin(intent, lease, fromTheStart, () => [step], { chosen })
    return created?.steps[0]?.step ?? Promise.reject(new Error('begun'))
  }
  let nonce = 0n
  async function pay(name: string, variant: string, seconds: number, succeeded: boolean, feePaid: bigint) {
    const begun = await operation(name, variant)
    const attempt = await record(server, begun, nonce++)
    const steps = new StepStore(server)
    await steps.sent(attempt)
    clock.advance(seconds * 1_000)
    const seen = {
      blockNumber: '7',
      blockHash: '0x7',
      succeeded,
      gasUsed: 21_000n,
      feePaid,
      confirmations: 1,
      final: false,
    }
    await steps.included(attempt, seen)
    // It is final much later: that is not when it was included.
    clock.advance(60_000)
    await steps.included(attempt, { ...seen, confirmations: 12, final: true, isKnown: true })
  }

  it('F5: are counted by variant and chain: how they ended, what they paid, how long they took', async () => {
    expect(await flagOutcomes(server, 'default-urgency')).toEqual([])
    await pay('a', 'slow', 4, true, 10n ** 30n)
    await pay('b', 'slow', 8, true, 2n)
    await pay('c', 'slow', 6, false, 3n)
    await pay('d', 'fast', 2, true, 5n)
    await operation('e', 'fast')
    await operation('f', 'fast', 'eip155:1')
    expect(await flagOutcomes(server, 'default-urgency')).toEqual([
      {
        flag: 'default-urgency',
        variant: 'fast',
        chain: 'eip155:1',
        operations: 1,
        states: { running: 1 },
        feePaid: 0n,
        included: 0,
        secondsToInclusion: undefined,
      },
      {
        flag: 'default-urgency',
        variant: 'fast',
        chain: 'eip155:31337',
        operations: 2,
        states: { committed: 1, running: 1 },
        feePaid: 5n,
        included: 1,
        secondsToInclusion: 2,
      },
      {
        flag: 'default-urgency',
        variant: 'slow',
        chain: 'eip155:31337',
        operations: 3,
        states: { committed: 2, failed: 1 },
        feePaid: 10n ** 30n + 5n,
        included: 3,
        secondsToInclusion: 6,
      },
    ])
    expect(await flagOutcomes(server, 'call-batching')).toMatchObject([{ operations: 1 }, { operations: 5 }])
  })
})
