import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Journal } from '../../../src/store/journal.ts'
import { NonceTableStore } from '../../../src/store/nonces/nonces.ts'
import { OperationStore } from '../../../src/store/operations.ts'
import type { StepRow } from '../../../src/store/schema.ts'
import { AskedSignatures } from '../../../src/store/steps/askedSignatures.ts'
import { StepStore } from '../../../src/store/steps/steps.ts'
import { begin, bytesOf, type JournalFile, journalFile, LANE, record } from '../../nonces/support/begun.ts'
import { readRows } from '../../support/engine.ts'

let file: JournalFile
let journal: Journal
let asked: AskedSignatures
let steps: StepStore

beforeEach(() => {
  file = journalFile()
  journal = file.open()
  asked = new AskedSignatures(journal)
  steps = new StepStore(journal)
})
afterEach(() => file.remove())

const stateOf = async ({ operation_id: id }: StepRow) => {
  const record = await new OperationStore(journal).find(id)
  const step = record?.steps[0]?.step
  return [record?.operation.state, step?.state, step?.ended, step?.note]
}

it('R14: a step that was asked for elsewhere and given up is not known, keeps its operation open, and frees its nonce', async () => {
  const step = await begin(journal)
  const nonce = await new NonceTableStore(journal).reserve(step, 7n)
  await asked.note(step, nonce)
  expect(await asked.nonceOf(step.id)).toBe(7n)
  expect(await steps.abandon(step.id, 'too late')).toBe(true)
  expect(await stateOf(step)).toEqual([
    'stuck',
    'unknown',
    0,
    'too late. Its signer was asked for it at nonce 7 and may have signed it: whether it happens is known once that nonce is used, and until then it counts as if it did.',
  ])
  expect(readRows(file.path, 'select * from nonces')).toEqual([])
  // Neither is it given up twice, nor is an answer taken that comes now.
  expect(await steps.abandon(step.id, 'again')).toBe(false)
  await expect(steps.recordAttempt(step, 7n, bytesOf(step, 7n), { receipt: '{}' })).rejects.toMatchObject({
    code: 'receipt_refused',
  })
  await steps.replaced(step.id, 'another')
  expect((await stateOf(step)).slice(0, 3)).toEqual(['failed', 'replaced', 1])
})

it('R14: a refusal takes back what it was an answer to, and nothing else', async () => {
  const step = await begin(journal)
  await asked.note(step, 0n)
  await asked.note(step, 0n)
  await asked.refused(step.id)
  expect(await asked.nonceOf(step.id)).toBe(0n)
  await asked.refused(step.id)
  expect(await asked.nonceOf(step.id)).toBeUndefined()
  expect(await steps.abandon(step.id, 'refused.')).toBe(true)
  expect(await stateOf(step)).toEqual(['failed', 'failed', 1, 'refused.'])
})

it('R2: nobody is asked to sign what has ended', async () => {
  const step = await begin(journal)
  await steps.abandon(step.id, 'ended')
  await expect(asked.note(step, 0n)).rejects.toMatchObject({ code: 'receipt_refused' })
  expect(await asked.nonceOf(step.id)).toBeUndefined()
})

it('R3: whose bytes a transaction is made of is known by its hash', async () => {
  const step = await begin(journal, LANE)
  const { hash } = await record(journal, step, 0n)
  expect(await asked.stepOf(hash)).toBe(step.id)
  expect(await asked.stepOf('0xother')).toBeUndefined()
})
