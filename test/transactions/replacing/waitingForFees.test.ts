import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Engine, MERCHANT, startEngine, startWorld, takeOver, type World } from '../../support/engine.ts'

let world: World
let engine: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(async () => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a] })
  await baseFee(1_000_000_000)
  return () => engine.stop()
})

/** The next block has this base fee, and so, about, has the one after it. */
async function baseFee(wei: number): Promise<void> {
  await world.a.ask('anvil_setNextBlockBaseFeePerGas', `0x${wei.toString(16)}`)
  await world.a.mine()
}

const sent = () => world.a.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction')
const request = { to: 'merchant', amount: '0.5', maxFeeGwei: '2', idempotencyKey: 'cheap' }

describe('C9: a payment that waits for lower fees', () => {
  it('is sent at once when a block takes what it offers, at no more than that', async () => {
    const intent = await engine.prepare(request)
    expect(intent).toMatchObject({ fees: { maxFeePerGasGwei: '2' } })
    expect(await engine.execute(intent.intentId)).toMatchObject({ steps: [{ state: 'sent' }] })
  })

  it('is queued while they are higher, holding its funds and signing nothing, and sent once they fit', async () => {
    const before = await world.a.balance(MERCHANT)
    await baseFee(50_000_000_000)
    const { intentId } = await engine.prepare(request)
    const queued = await engine.execute(intentId)
    expect(queued).toMatchObject({
      state: 'running',
      sideEffect: 'none',
      steps: [
        {
          state: 'queued',
          attempts: [],
          note: expect.stringMatching(/^it is signed when a block takes 2 gwei per gas, and given up at 20/),
        },
      ],
      next: expect.stringContaining('Nothing is signed yet'),
    })
    const { operationId } = queued
    expect(engine.rows("select count(*) as held from reservations where state = 'held'")).toEqual([
      { held: 2 },
    ])
    expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ steps: [{ state: 'queued' }] })
    expect(sent()).toHaveLength(0)
    expect(engine.rows('select count(*) as nonces from nonces')).toEqual([{ nonces: 0 }])

    await baseFee(1_000_000_000)
    const other = await takeOver(engine, [world.a], operationId)
    expect(other).toMatchObject({ steps: [{ state: 'sent' }] })
    expect(other.steps[0]).not.toHaveProperty('note')
    await world.a.mine(2)
    expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ state: 'committed' })
    expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
  })

  it('is given up when its intent expires, and its funds are free again', async () => {
    await baseFee(50_000_000_000)
    const { intentId } = await engine.prepare({ ...request, waitHours: 3 })
    const { operationId } = await engine.execute(intentId)
    engine.clock.advance(3 * 3_600_000 - 1_000)
    expect(await takeOver(engine, [world.a], operationId)).toMatchObject({ state: 'running' })
    engine.clock.advance(1_000)
    expect(await takeOver(engine, [world.a], operationId)).toMatchObject({
      state: 'failed',
      sideEffect: 'none',
      steps: [{ state: 'failed', note: 'it was not signed before its intent expired' }],
    })
    expect(engine.rows("select count(*) as held from reservations where state = 'held'")).toEqual([
      { held: 0 },
    ])
    expect(sent()).toHaveLength(0)
  })

  it('D4: may not offer more than the cap on the price of gas', async () => {
    await expect(engine.prepare({ ...request, maxFeeGwei: '501' })).rejects.toMatchObject({
      code: 'gas_price_above_cap',
    })
  })

  it.each(['0', '1e9', '-1', '1.0000000001'])('takes no %s for a price', async (maxFeeGwei) => {
    await expect(engine.prepare({ ...request, maxFeeGwei })).rejects.toMatchObject({ code: 'amount_invalid' })
  })

  it('does not wait for a price that nobody gave', async () => {
    const { maxFeeGwei: _, ...rest } = request
    await expect(engine.prepare({ ...rest, waitHours: 1 })).rejects.toMatchObject({
      code: 'amount_invalid',
      message: expect.stringContaining('waitHours is given without maxFeeGwei'),
    })
  })

  it('R3: with another price it is another payment', async () => {
    await engine.prepare(request)
    await expect(engine.prepare({ ...request, maxFeeGwei: '3' })).rejects.toMatchObject({
      code: 'idempotency_conflict',
      context: { differs: ['maxFeePerGas'] },
    })
    expect(await engine.prepare({ ...request, maxFeeGwei: '2.0' })).toMatchObject({ status: 'ready' })
  })
})
