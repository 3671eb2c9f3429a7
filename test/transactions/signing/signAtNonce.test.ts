import { afterEach, beforeEach, expect, it } from 'vitest'
import { FallbackNonces } from '../../../src/nonces/fallbackNonces.ts'
import type { NonceStore } from '../../../src/nonces/nonceStore.ts'
import { silentMetrics } from '../../../src/primitives/metrics.ts'
import { HaltStore } from '../../../src/store/halts.ts'
import type { Journal } from '../../../src/store/journal.ts'
import { NonceTableStore } from '../../../src/store/nonces/nonces.ts'
import { AskedSignatures } from '../../../src/store/steps/askedSignatures.ts'
import { StepStore } from '../../../src/store/steps/steps.ts'
import { signAtNonce } from '../../../src/transactions/signing/signAtNonce.ts'
import { begin, bytesOf, type JournalFile, journalFile, record } from '../../nonces/support/begun.ts'
import { readRows } from '../../support/engine.ts'

let file: JournalFile
let journal: Journal

beforeEach(() => {
  file = journalFile()
  journal = file.open()
})
afterEach(() => file.remove())

/** A Redis as it must not be: it gives everybody nonce 0, and fails otherwise in a way of its own. */
function insistent(table: NonceTableStore): NonceStore {
  return Object.assign(Object.create(table) as NonceStore, {
    reserve: async () => 0n,
    refused: () => Promise.reject('no words'),
  })
}

it('R4, T40: a nonce that is taken again and again is given up after five tries, and nothing is recorded', async () => {
  const table = new NonceTableStore(journal)
  await record(journal, await begin(journal), 0n)
  const step = await begin(journal)
  const nonces = Object.assign(insistent(table), { refused: () => table.refused() })
  let signed = 0
  const signing = signAtNonce(
    { nonces, steps: new StepStore(journal) },
    step,
    0n,
    { receipt: '{}' },
    async (nonce) => {
      signed++
      return bytesOf(step, nonce)
    },
  )
  await expect(signing).rejects.toMatchObject({ code: 'nonce_taken', sideEffect: 'none' })
  expect(signed).toBe(5)
  expect(readRows(file.path, 'select count(*) as n from attempts')).toEqual([{ n: 1 }])
})

it('R4, T40: where Redis insists on a nonce that is taken, and fails when it is told, the journal gives another', async () => {
  const table = new NonceTableStore(journal)
  await record(journal, await begin(journal), 0n)
  const step = await begin(journal)
  const warned: string[] = []
  const warn = (message: string, fields?: object) => void warned.push(`${message} ${JSON.stringify(fields)}`)
  const time = { ms: 0 }
  const nonces = new FallbackNonces({
    shared: insistent(table),
    journal: table,
    without: 'journal',
    logger: { debug() {}, info() {}, warn, error() {} },
    metrics: silentMetrics,
    clock: { now: () => (time.ms += 1_000) },
  })
  const work = { nonces, steps: new StepStore(journal) }
  const attempt = await signAtNonce(work, step, 0n, { receipt: '{}' }, async (nonce) => bytesOf(step, nonce))
  expect(attempt.nonce).toBe('00000000000000000001')
  expect(warned[0]).toBe(
    'redis does not serve nonces; the journal gives them out {"reason":"unknown failure"}',
  )
})

it('F8: a nonce that was reserved before a stranger used it is given back unsigned, and the next free one signed', async () => {
  const nonces = new NonceTableStore(journal)
  const step = await begin(journal)
  expect(await nonces.reserve(step, 3n)).toBe(3n)
  const signed: bigint[] = []
  const work = { nonces, steps: new StepStore(journal) }
  const attempt = await signAtNonce(work, step, 5n, { receipt: '{}' }, async (nonce) => {
    signed.push(nonce)
    return bytesOf(step, nonce)
  })
  expect(signed).toEqual([5n])
  expect(attempt.nonce).toBe('00000000000000000005')
  expect(readRows(file.path, 'select nonce, state from nonces')).toEqual([
    { nonce: '00000000000000000005', state: 'signed' },
  ])
})

it('R2: bytes that were made elsewhere are not made again at another nonce, whoever has used theirs', async () => {
  const nonces = new NonceTableStore(journal)
  const asked = new AskedSignatures(journal)
  const work = { nonces, steps: new StepStore(journal), elsewhere: asked }
  const signed: bigint[] = []
  const sign = (of: Awaited<ReturnType<typeof begin>>) => async (nonce: bigint) => {
    signed.push(nonce)
    return bytesOf(of, nonce)
  }
  // Asked for before a restart; the chain has gone on since.
  const step = await begin(journal)
  await asked.note(step, await nonces.reserve(step, 3n))
  const astray = { code: 'signature_astray', sideEffect: 'possible' }
  await expect(signAtNonce(work, step, 5n, { receipt: '{}' }, sign(step))).rejects.toMatchObject({
    ...{ ...astray, context: { nonce: '3' } },
  })
  // Whoever gives nonces out has forgotten which one it had.
  await nonces.release(step)
  await expect(signAtNonce(work, step, 2n, { receipt: '{}' }, sign(step))).rejects.toMatchObject({
    ...{ ...astray, context: { nonce: '3' } },
  })
  expect(signed).toEqual([])
  await record(journal, await begin(journal), 0n)
  const other = await begin(journal)
  const insisting = Object.assign(insistent(nonces), { refused: () => nonces.refused() })
  await expect(
    signAtNonce({ ...work, nonces: insisting }, other, 0n, { receipt: '{}' }, sign(other)),
  ).rejects.toMatchObject({ code: 'signature_astray', context: { nonce: '0' } })
  expect(signed).toEqual([0n])
})

it('F8: what was reserved and never asked for elsewhere is given back as well, and asked for at the next free nonce', async () => {
  const nonces = new NonceTableStore(journal)
  const work = { nonces, steps: new StepStore(journal), elsewhere: new AskedSignatures(journal) }
  const step = await begin(journal)
  await nonces.reserve(step, 3n)
  const attempt = await signAtNonce(work, step, 5n, { receipt: '{}' }, async (nonce) => bytesOf(step, nonce))
  expect(attempt.nonce).toBe('00000000000000000005')
})

it('F5, R2: what is halted gives its nonce back, unless its bytes were made elsewhere: then the same ones are asked for again', async () => {
  const table = new NonceTableStore(journal)
  const steps = new StepStore(journal)
  const asked = new AskedSignatures(journal)
  const begun = { here: await begin(journal), elsewhere: await begin(journal) }
  await new HaltStore(journal).halt({}, 'leak')
  const held: unknown[] = []
  for (const made of ['here', 'elsewhere'] as const) {
    const step = begun[made]
    const sign = async (nonce: bigint) => bytesOf(step, nonce)
    await expect(
      signAtNonce(
        { nonces: table, steps, ...(made === 'elsewhere' && { elsewhere: asked }) },
        step,
        0n,
        { receipt: '{}' },
        sign,
      ),
    ).rejects.toMatchObject({
      code: 'halted',
    })
    held.push(readRows(file.path, `select state from nonces where step_id = '${step.id}'`))
  }
  expect(held).toEqual([[], [{ state: 'reserved' }]])
})
