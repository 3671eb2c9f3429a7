import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { padNumber } from '../../../src/store/database/paddedNumber.ts'
import { IntentStore } from '../../../src/store/intents.ts'
import type { Journal } from '../../../src/store/journal.ts'
import { OperationStore } from '../../../src/store/operations.ts'
import { ReplacementStore } from '../../../src/store/replacements.ts'
import type { StepRow } from '../../../src/store/schema.ts'
import type { NewSpend, SpentWindow } from '../../../src/store/spending/spentWindow.ts'
import { bucketsOf, countsIn, Spent, spansOf } from '../../../src/store/spending/spentWindow.ts'
import { type Inclusion, StepStore } from '../../../src/store/steps/steps.ts'
import { type JournalFile, journalFile, LANE, record } from '../../nonces/support/begun.ts'
import { readRows } from '../../support/engine.ts'
import { fromTheStart } from '../../support/ledger.ts'

let file: JournalFile
let journal: Journal
let operations: OperationStore
let steps: StepStore
beforeEach(() => {
  file = journalFile()
  journal = file.open()
  operations = new OperationStore(journal)
  steps = new StepStore(journal)
})
afterEach(() => file.remove())

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
/** 1 January 2026. */
const START = Date.UTC(2026, 0, 1)
const FEE = 'fee/fuel'

const of = (raw: number | string, recipient = '', asset = 'gold'): NewSpend => ({
  asset,
  recipient,
  raw: String(raw),
})

interface Begun {
  readonly at?: number
  readonly account?: string
  readonly principal?: string
  readonly roles?: readonly StepRow['role'][]
}

let made = 0
/** Steps that count for so much each, of one operation. */
async function begin(spends: readonly NewSpend[], { at = START, account = '0xA', ...more }: Begun = {}) {
  made += 1
  const { intent } = await new IntentStore(journal).save({
    ...{
      id: `int_${made}`,
      principal: more.principal ?? 'local',
      idempotency_key: `${made}`,
      arguments: '{}',
    },
    ...{ digest: '0x', chain: LANE.chain, account, wallet: 'agent', plan: '{}' },
    expires_at: '2099-01-01T00:00:00.000Z',
  })
  const documents = {
    recipient: '0x',
    payload: '{}',
    terms: '{}',
    outflow: '{}',
    receipt: '{}',
    reservations: [],
  }
  const counted = { spends, at }
  const roles = more.roles ?? ['pivot']
  const lease = { owner: 'test', until: '2099-01-01T00:00:00.000Z' }
  const { id } = await operations.begin(intent, lease, fromTheStart, () =>
    roles.map((role) => ({ role, ...documents, counted })),
  )
  const begun = await operations.find(id)
  if (!begun) throw new Error('begun')
  return { record: begun, step: begun.steps[0]?.step as StepRow }
}

const window = (since: number, more: Partial<SpentWindow> = {}): SpentWindow => ({
  ...{ key: 'asked', assets: ['gold'], recipient: '', since },
  ...more,
})
async function left(since: number, more: Partial<SpentWindow> = {}): Promise<bigint> {
  const asked = window(since, more)
  return (await operations.spent([asked])).of(asked).get('gold') ?? 0n
}
const final = (more: Partial<Inclusion> = {}): Inclusion => ({
  ...{ blockNumber: '7', blockHash: '0x7', succeeded: true, gasUsed: 21_000n, feePaid: 3n },
  ...{ confirmations: 12, final: true },
  ...more,
})
async function signed(spends: readonly NewSpend[], nonce = 0n) {
  const { step, record: begun } = await begin(spends)
  const attempt = await record(journal, step, nonce)
  await steps.sent(attempt)
  return { step, attempt, begun }
}

describe('R5: what left since a time', () => {
  it('R5: is told to the minute, over minutes, hours and days, beyond 64 bits', async () => {
    const much = 10n ** 30n
    await begin([of(much.toString())], { at: START - 3 * DAY })
    await begin([of(1)], { at: START - 5 * HOUR })
    await begin([of(10)], { at: START - 90 * MINUTE })
    await begin([of(100)], { at: START + 10 * MINUTE })
    await begin([of(1_000)], { at: START + 11 * MINUTE })
    expect(await left(START - 3 * DAY)).toBe(much + 1_111n)
    expect(await left(START - 3 * DAY + MINUTE)).toBe(1_111n)
    expect(await left(START - 5 * HOUR)).toBe(1_111n)
    expect(await left(START - 5 * HOUR + MINUTE)).toBe(1_110n)
    expect(await left(START - 90 * MINUTE + MINUTE - 1)).toBe(1_110n)
    expect(await left(START - 89 * MINUTE)).toBe(1_100n)
    expect(await left(START + 11 * MINUTE)).toBe(1_000n)
    expect(await left(START + 12 * MINUTE)).toBe(0n)
  })

  it('T21: what is dated after now counts: a clock that was set back frees nothing', async () => {
    await begin([of(7)], { at: START + 2 * DAY })
    expect(await left(START)).toBe(7n)
  })

  it('is told for accounts, principals, recipients and assets apart', async () => {
    await begin([of(1), of(1, 'bob')])
    await begin([of(20), of(15, 'bob'), of(5, 'eve'), of(9, '', 'silver')], {
      account: '0xB',
      principal: 'ci',
    })
    expect(await left(START)).toBe(21n)
    expect(await left(START, { accounts: ['0xA'] })).toBe(1n)
    expect(await left(START, { accounts: ['0xA', '0xB'], principals: ['ci'] })).toBe(20n)
    expect(await left(START, { recipient: 'bob' })).toBe(16n)
    expect(await left(START, { recipient: 'eve', principals: ['local'] })).toBe(0n)
    const both = window(START, { assets: ['gold', 'silver'] })
    expect([...(await operations.spent([both, both])).of(both)]).toEqual([
      ['gold', 21n],
      ['silver', 9n],
    ])
  })

  it('each moment lies in exactly one of the sums that a window consists of', () => {
    for (const since of [0, 1, START, START + 61 * MINUTE, START - MINUTE, START + 23 * HOUR + 59 * MINUTE]) {
      for (const at of [since - 2 * MINUTE, since, since + HOUR, since + DAY - 1, since + 40 * DAY]) {
        const spans = spansOf(since)
        const sums = bucketsOf(at).filter(({ level, start }) => {
          const span = spans.find((each) => each.level === level)
          return span && start >= span.from && start <= (span.to ?? Number.POSITIVE_INFINITY)
        })
        const isIn = countsIn(padNumber(BigInt(Math.max(0, at))), since)
        if (at >= 0) expect(sums).toHaveLength(isIn ? 1 : 0)
      }
    }
  })

  it('a question that was not asked has no answer', () => {
    expect(() => new Spent(new Map()).of(window(START))).toThrow('nobody asked what left in "asked"')
  })
})

describe('R5: what a step counts for', () => {
  it('is what it took when it is final, and its fee what was paid', async () => {
    const { attempt } = await signed([of(100), of(60, 'bob'), of(40, 'eve'), of(50, '', FEE)])
    const took = { spends: [of(70), of(60, 'bob')] }
    await steps.included(attempt, final({ final: false, took }))
    expect(await left(START)).toBe(100n)
    await steps.included(attempt, final({ took }))
    expect(await left(START)).toBe(70n)
    expect([await left(START, { recipient: 'bob' }), await left(START, { recipient: 'eve' })]).toEqual([
      60n,
      0n,
    ])
    const fees = window(START, { assets: [FEE] })
    expect((await operations.spent([fees])).of(fees).get(FEE)).toBe(3n)
  })

  it('T12: stays at least what it was held for where that is not seen, or by one endpoint alone', async () => {
    const { attempt } = await signed([of(100), of(9, '', 'silver')])
    await steps.included(attempt, final({ took: { spends: [of(4, '', 'silver')], traced: 'gold' } }))
    expect(await left(START)).toBe(100n)
    const { attempt: other } = await signed([of(100)], 1n)
    await steps.included(other, final({ took: { spends: [of(130)], traced: 'gold' } }))
    expect(await left(START)).toBe(230n)
    const silver = window(START, { assets: ['silver'] })
    expect((await operations.spent([silver])).of(silver).get('silver')).toBe(4n)
  })

  it('stays where nothing is seen, and is nothing but the fee after a failure, an abandonment or another use of the nonce', async () => {
    const { attempt } = await signed([of(100)])
    await steps.included(attempt, final())
    expect(await left(START)).toBe(100n)
    const { step } = await begin([of(5)], { account: '0xB' })
    expect(await left(START)).toBe(105n)
    await steps.abandon(step.id, 'given up')
    expect(await left(START)).toBe(100n)
  })

  it('R5: a payment that failed on chain frees the cap', async () => {
    const { attempt } = await signed([of(100)])
    await steps.included(attempt, final({ succeeded: false }))
    expect(await left(START)).toBe(0n)
  })

  it('R5: one whose nonce another transaction used frees it', async () => {
    const { step } = await signed([of(100)])
    await steps.replaced(step.id, 'somebody else')
    expect(await left(START)).toBe(0n)
  })

  it('R5: what was cancelled frees it', async () => {
    const { attempt } = await signed([of(100)])
    await steps.included({ ...attempt, kind: 'cancel' }, final())
    expect(await left(START)).toBe(0n)
  })

  it('F9: a reorganisation takes nothing back', async () => {
    const { attempt } = await signed([of(100)])
    await steps.included(attempt, final({ final: false }))
    await steps.reorganised(attempt)
    expect(await left(START)).toBe(100n)
  })

  it('of a step that is admitted again is what it needs now, at that time, its own not counted against it', async () => {
    const { step } = await begin([of(100), of(1, 'bob')])
    const ask = { ...fromTheStart, windows: [window(START)] }
    const seen: unknown[] = []
    await operations.readmit(step, ask, ({ spent }) => {
      seen.push(spent.of(window(START)).get('gold'))
      return { reservations: [], counted: { spends: [of(30)], at: START + HOUR } }
    })
    expect(seen).toEqual([0n])
    expect([await left(START), await left(START + HOUR)]).toEqual([30n, 30n])
    expect(await left(START, { recipient: 'bob' })).toBe(0n)
  })

  it('its own does not count against it in windows that it is not in, nor for others', async () => {
    const { step } = await begin([of(100)])
    await begin([of(8)], { account: '0xB' })
    const windows = [
      window(START + MINUTE),
      window(START, { key: 'b', accounts: ['0xB'] }),
      window(START, { key: 'ci', principals: ['ci'] }),
      window(START, { key: 'all' }),
    ]
    const answers: unknown[] = []
    await operations.readmit(step, { ...fromTheStart, windows }, ({ spent }) => {
      answers.push(...windows.map((each) => spent.of(each).get('gold')))
      return { reservations: [], counted: { spends: [of(100)], at: START } }
    })
    expect(answers).toEqual([undefined, 8n, undefined, 8n])
  })

  it('beside a replacement is whichever takes more', async () => {
    const { step } = await signed([of(100), of(50, '', FEE)])
    const replacements = new ReplacementStore(journal)
    const spends = [of(90), of(70, '', FEE), of(4, 'bob')]
    await replacements.hold(step, fromTheStart, () => ({ reservations: [], counted: { spends, at: START } }))
    expect(readRows(file.path, 'select asset, recipient, raw from spends order by asset, recipient')).toEqual(
      [
        { asset: FEE, recipient: '', raw: '70' },
        { asset: 'gold', recipient: '', raw: '100' },
        { asset: 'gold', recipient: 'bob', raw: '4' },
      ],
    )
    expect([await left(START), await left(START, { recipient: 'bob' })]).toEqual([100n, 4n])
  })

  it('T21: a raise counts from when it is made, and what was not foreseen counts when it is seen', async () => {
    const { step, attempt } = await signed([of(100)])
    const counted = { spends: [of(120)], at: START + DAY }
    await new ReplacementStore(journal).hold(step, fromTheStart, () => ({ reservations: [], counted }))
    expect(await left(START + DAY)).toBe(120n)
    const earlier = { spends: [of(130)], at: START }
    await new ReplacementStore(journal).hold(step, fromTheStart, () => ({
      reservations: [],
      counted: earlier,
    }))
    expect(await left(START + DAY)).toBe(130n)
    const took = { spends: [of(120), of(7, 'eve'), of(9, '', 'silver')] }
    await steps.included(attempt, final({ took }))
    expect([await left(START), await left(START, { recipient: 'eve' })]).toEqual([120n, 7n])
    const silver = window(START, { assets: ['silver'] })
    expect((await operations.spent([silver])).of(silver).get('silver')).toBe(9n)
  })

  it('beside a replacement that takes less is what it was', async () => {
    const { step } = await signed([of(100), of(50, '', FEE)])
    const counted = { spends: [of(60, '', FEE)], at: START }
    await new ReplacementStore(journal).hold(step, fromTheStart, () => ({ reservations: [], counted }))
    expect(await left(START)).toBe(100n)
  })

  it('what counted for nothing is not found to have taken something', async () => {
    const { attempt } = await signed([])
    await steps.included(attempt, final({ took: { spends: [of(5)] } }))
    expect(await left(START)).toBe(0n)
  })

  it('what is about to be recorded counts under assets of which nothing left before', () => {
    const asked = window(START, { assets: ['gold', 'silver'] })
    const spent = new Spent(new Map([['asked', new Map([['gold', 2n]])]])).with([of(3, '', 'silver'), of(1)])
    expect([...spent.of(asked)]).toEqual([
      ['gold', 3n],
      ['silver', 3n],
    ])
  })

  it('what counts for nothing is not written', async () => {
    await begin([of(0), of(0, 'bob')])
    expect(readRows(file.path, 'select * from spends')).toEqual([])
  })
})

it('R5: an approval that was taken back stays counted: somebody may have used it meanwhile', async () => {
  const { record: begun } = await begin([of(100), of(50, '', FEE)], { roles: ['approval', 'undo'] })
  const [approval, undo] = begun.steps.map(({ step }) => step) as [StepRow, StepRow]
  for (const [nonce, step] of [approval, undo].entries()) {
    const attempt = await record(journal, step, BigInt(nonce))
    await steps.sent(attempt)
    await steps.included(attempt, final({ blockHash: `0x${nonce}` }))
  }
  expect(readRows(file.path, 'select state from operations')).toEqual([{ state: 'compensated' }])
  // Both steps were held for as much.
  expect(await left(START)).toBe(200n)
  const fees = window(START, { assets: [FEE] })
  expect((await operations.spent([fees])).of(fees).get(FEE)).toBe(6n)
})
