import { afterEach, beforeEach, expect, it } from 'vitest'
import { gasUsesSince, insertUse, lastGasUses, type UsedGas } from '../../src/store/gasUses.ts'
import type { Journal } from '../../src/store/journal.ts'
import { type Inclusion, StepStore } from '../../src/store/steps/steps.ts'
import { begin, beginMany, type JournalFile, journalFile, LANE, record } from '../nonces/support/begun.ts'
import { readRows } from '../support/engine.ts'
import { type TestClock, testClock } from '../support/testClock.ts'

let file: JournalFile
let journal: Journal
let clock: TestClock
beforeEach(() => {
  clock = testClock()
  file = journalFile()
  journal = file.open(clock)
})
afterEach(() => file.remove())

const KIND = { contract: '0xC0', selector: '0xa9059cbb' }
const USED: UsedGas = {
  kind: KIND,
  gasLimit: 60_000n,
  gasPrice: 3n,
  priced: { suggested: '5', pace: 'slow' },
  waited: 2,
}
const inBlock = (final: boolean, used: UsedGas = USED, gasUsed = 50_000n): Inclusion => ({
  ...{ blockNumber: '7', blockHash: '0x7', succeeded: true, gasUsed, feePaid: 150_000n },
  ...{ confirmations: 12, final, used },
})

async function paid(used: UsedGas, gasUsed: bigint) {
  const step = await begin(journal)
  await new StepStore(journal).included(await record(journal, step, nonce++), inBlock(true, used, gasUsed))
  clock.advance(1_000)
}
let nonce = 0n

async function since(time: string) {
  const found = []
  for await (const use of gasUsesSince(journal, time)) found.push(use)
  return found
}

it('E2: a use is written once its step is final, whoever says so again', async () => {
  const step = await begin(journal)
  const attempt = await record(journal, step, nonce++)
  const steps = new StepStore(journal)
  await steps.included(attempt, inBlock(false))
  expect(readRows(file.path, 'select * from gas_uses')).toEqual([])
  await steps.included(attempt, inBlock(true))
  await new StepStore(file.open(clock)).included(attempt, inBlock(true))
  expect(readRows(file.path, 'select * from gas_uses')).toEqual([
    {
      ...{ step_id: step.id, chain: LANE.chain, contract: '0xC0', selector: '0xa9059cbb' },
      ...{ gas_used: '50000', gas_limit: '60000', gas_price: '3', fee_paid: '150000', succeeded: 1 },
      ...{ suggested: '5', pace: 'slow', waited: 2, at: new Date(clock.now()).toISOString() },
    },
  ])
})

it('E2: the last fifty uses of a kind are told, the newest first, and those of no other', async () => {
  for (let use = 1; use <= 52; use++) await paid(USED, BigInt(use))
  await paid({ ...USED, kind: { ...KIND, selector: '0x00000001' } }, 1_000n)
  await paid({ ...USED, kind: { ...KIND, contract: '0xC1' } }, 1_000n)
  const { waited: _, ...replaced } = USED
  await paid({ ...replaced, kind: undefined }, 1_000n)
  const used = (await lastGasUses(journal, LANE.chain, KIND)).map(({ gasUsed }) => gasUsed)
  expect(used).toHaveLength(50)
  expect([used[0], used[49]]).toEqual([52n, 3n])
  expect(await lastGasUses(journal, 'eip155:31338', KIND)).toEqual([])
})

it('E6: uses since a time are read page by page, none twice and none left out', async () => {
  await paid(USED, 1n)
  const from = new Date(clock.now()).toISOString()
  const many = await beginMany(journal, 4_001)
  await journal.transact(async (tx) => {
    // Most of them in one millisecond: a page ends in the midst of it.
    for (const [index, { id }] of many.entries()) {
      const at = new Date(clock.now() + (index < 3_000 ? 1 : index)).toISOString()
      const told = { gas_used: '1', fee_paid: '1', succeeded: true, at }
      await insertUse(tx, { step_id: id, chain: LANE.chain }, USED, told)
    }
  })
  const found = await since(from)
  expect(found).toHaveLength(4_001)
  expect(new Set(found.map(({ step_id }) => step_id)).size).toBe(4_001)
  expect(await since('2999-01-01T00:00:00.000Z')).toEqual([])
})
