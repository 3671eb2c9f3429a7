import { expect, it } from 'vitest'
import { newId } from '../../../src/primitives/ids.ts'
import { type Engine, MERCHANT, startEngine, startWorld } from '../../support/engine.ts'
import { fromTheStart, uncounted } from '../../support/ledger.ts'

async function inTurns(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) await work(next++)
  }
  await Promise.all(Array.from({ length: 32 }, worker))
}

/** Steps that hold something and wait, as those of payments that wait for lower fees do. */
async function queue(engine: Engine, count: number): Promise<void> {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.1', idempotencyKey: 'template' })
  const template = await engine.intents.find(intentId)
  if (!template) throw new Error('prepared')
  const { created_at: _at, ...intent } = template
  const documents = {
    role: 'pivot' as const,
    recipient: MERCHANT,
    payload: '{}',
    terms: '{}',
    outflow: '{}',
    receipt: '{}',
    ...uncounted,
  }
  const holds = { asset: 'eip155:31337/slip44:1', raw: '1' }
  // Each is one payment, however much it holds.
  const reservations = [{ ...holds, kind: 'spend' } as const, { ...holds, kind: 'fee' } as const]
  await inTurns(count, async () => {
    const id = newId('int')
    const { intent: own } = await engine.intents.save({ ...intent, id, idempotency_key: id })
    await engine.operations.begin(own, engine.leases.take(), fromTheStart, () => [
      { ...documents, reservations },
    ])
  })
}

it('C4: with 256 transactions that wait, another one is refused before it is begun, and made when some are mined', async () => {
  const world = await startWorld()
  const engine = startEngine({ lanes: [world.a] })
  const before = await world.a.balance(MERCHANT)
  const pay = async (index: number) =>
    engine.execute(
      (await engine.prepare({ to: 'merchant', amount: '0.001', idempotencyKey: `${index}` })).intentId,
    )
  await inTurns(256, pay)
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.001', idempotencyKey: 'one more' })
  await expect(engine.execute(intentId)).rejects.toMatchObject({
    code: 'lane_full',
    context: { limit: 256 },
    sideEffect: 'none',
  })
  expect(engine.rows('select count(*) as n from operations')).toEqual([{ n: 256 }])
  await world.a.mine()
  await engine.execute(intentId)
  await world.a.mine()
  expect((await world.a.balance(MERCHANT)) - before).toBe(257_000_000_000_000_000n)
  await engine.stop()
  await world.stop()
})

it('C9: a thousand payments of an account may wait for their fees, and no more', async () => {
  const world = await startWorld()
  const engine = startEngine({ lanes: [world.a] })
  await queue(engine, 1_000)
  await expect(queue(engine, 1)).rejects.toMatchObject({ code: 'lane_full', context: { limit: 1_000 } })
  await engine.stop()
  await world.stop()
})
