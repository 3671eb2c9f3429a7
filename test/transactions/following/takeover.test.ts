import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { beginOnly } from '../../support/begun.ts'
import { type Engine, MERCHANT, startEngine, startWorld, type World } from '../../support/engine.ts'

let world: World
let engine: Engine
let other: Engine

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

beforeEach(() => {
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a], ttlSeconds: 30 })
  other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
  return async () => {
    await other.stop()
    await engine.stop()
  }
})

const sent = () => world.a.proxy.calls.filter(({ method }) => method === 'eth_sendRawTransaction')

/** An operation whose process died right after beginning it. */
async function begun(idempotencyKey: string) {
  const { intentId } = await engine.prepare({ to: 'merchant', amount: '0.2', idempotencyKey })
  return beginOnly(engine, intentId)
}

/** Signs as a driver does that was judged a moment ago. */
async function sign({ step, plan }: Awaited<ReturnType<typeof begun>>, nonce: bigint) {
  const adapter = await engine.chains.adapter('sandbox-a')
  const receipt = JSON.parse(step.receipt)
  const { signer } = engine.wallets.find('agent', adapter.chain)
  return signer.sign({ ...plan, nonce, receipt, head: receipt.block }, adapter.codec)
}

describe('F1: a process that dies', () => {
  it('F1: before it reserved a nonce, has its payment made once by another', async () => {
    const before = await world.a.balance(MERCHANT)
    const { operationId } = await begun('queued')
    await other.driver.drive(operationId)
    await world.a.mine(2)
    await other.driver.drive(operationId)
    expect((await other.get(operationId)).state).toBe('committed')
    expect((await world.a.balance(MERCHANT)) - before).toBe(200_000_000_000_000_000n)
  })

  it('F1, R4: between reserving and signing, has its payment made at the nonce that it had reserved', async () => {
    const before = await world.a.balance(MERCHANT)
    const { operationId, step } = await begun('reserved')
    const nonce = await engine.nonces.reserve(step, 500n)
    expect(nonce).toBe(500n)
    await other.driver.drive(operationId)
    const { steps } = await other.get(operationId)
    expect(steps[0]).toMatchObject({ nonce: '500', state: 'sent' })
    expect(sent()).toHaveLength(1)
    await world.a.ask('anvil_dropTransaction', steps[0]?.attempts[0]?.hash)
    expect(await world.a.balance(MERCHANT)).toBe(before)
  })

  it('F1, R2: between signing and sending, has exactly the bytes sent that it had signed', async () => {
    const operation = await begun('signed')
    const nonce = await engine.nonces.reserve(operation.step, 1n)
    const signed = await sign(operation, nonce)
    await engine.steps.recordAttempt(operation.step, nonce, signed, { receipt: operation.step.receipt })
    await other.driver.drive(operation.operationId)
    expect(sent().map(({ params }) => params)).toEqual([[signed.raw]])
    await world.a.mine(2)
    await other.driver.drive(operation.operationId)
    expect((await other.get(operation.operationId)).state).toBe('committed')
  })

  it('F1, F6: before signing, and nobody looks until the intent expired: abandoned, nonce and spend freed', async () => {
    const { operationId, step } = await begun('expired')
    await engine.nonces.reserve(step, 0n)
    engine.clock.advance(30_000)
    await other.driver.drive(operationId)
    expect(await other.get(operationId)).toMatchObject({
      state: 'failed',
      sideEffect: 'none',
      steps: [{ state: 'failed', note: 'it was not signed before its intent expired', attempts: [] }],
    })
    expect(engine.rows('select * from nonces')).toEqual([])
    expect(engine.rows('select state from reservations')).toEqual([{ state: 'released' }])
    expect(sent()).toEqual([])
  })

  it('F1: before signing a payment that no longer passes: abandoned, with the reason', async () => {
    const { operationId } = await begun('broke')
    const balance = await world.a.ask(
      'eth_getBalance',
      engine.wallets.find('agent', chain()).address,
      'latest',
    )
    await world.a.ask('anvil_setBalance', engine.wallets.find('agent', chain()).address, '0x1')
    await other.driver.drive(operationId)
    await world.a.ask('anvil_setBalance', engine.wallets.find('agent', chain()).address, balance)
    expect(await other.get(operationId)).toMatchObject({
      state: 'failed',
      sideEffect: 'none',
      steps: [{ state: 'failed', note: expect.stringContaining('short') }],
    })
    expect(sent()).toEqual([])
  })

  const chain = () => engine.chains.resolve('sandbox-a')
})

describe('F16: a process that was paused past its lease', () => {
  it('F16: does not sign what another has abandoned meanwhile', async () => {
    const operation = await begun('paused before recording')
    const nonce = await engine.nonces.reserve(operation.step, 0n)
    const signed = await sign(operation, nonce)
    engine.clock.advance(30_000)
    await other.driver.drive(operation.operationId)
    expect((await other.get(operation.operationId)).state).toBe('failed')
    await expect(
      engine.steps.recordAttempt(operation.step, nonce, signed, { receipt: operation.step.receipt }),
    ).rejects.toMatchObject({ code: 'receipt_refused', sideEffect: 'none' })
    expect(engine.rows('select * from attempts')).toEqual([])
    expect((await other.get(operation.operationId)).steps[0]?.state).toBe('failed')
  })

  it('F16: does not reserve a nonce for what another has abandoned meanwhile', async () => {
    const { step, operationId } = await begun('paused before reserving')
    engine.clock.advance(30_000)
    await other.driver.drive(operationId)
    await expect(engine.nonces.reserve(step, 0n)).rejects.toMatchObject({ code: 'receipt_refused' })
    expect(engine.rows('select * from nonces')).toEqual([])
  })

  it('F16: does not abandon what another has signed meanwhile', async () => {
    const { step, operationId } = await begun('paused before abandoning')
    await other.driver.drive(operationId)
    expect(await engine.steps.abandon(step.id, 'too late')).toBe(false)
    expect((await other.get(operationId)).steps[0]?.state).toBe('sent')
    await world.a.mine()
  })

  it('F16: does not take back what another has seen become final', async () => {
    const { operationId } = await begun('paused after sending')
    await other.driver.drive(operationId)
    const attempt = (await other.operations.find(operationId))?.steps[0]?.attempts[0]
    if (!attempt) throw new Error('sent')
    await world.a.mine(2)
    await other.driver.drive(operationId)
    await engine.steps.sent(attempt)
    await engine.steps.unknown(attempt.step_id, 'a stale answer')
    await engine.steps.reorganised(attempt)
    await engine.steps.replaced(attempt.step_id, 'a stale answer')
    expect(await other.get(operationId)).toMatchObject({
      state: 'committed',
      sideEffect: 'done',
      steps: [{ state: 'final', confirmations: 2 }],
    })
    expect(engine.rows("select * from reservations where state = 'held'")).toEqual([])
  })
})

describe('F5: two processes drive one operation', () => {
  it('F5: at once, from the beginning: one nonce, one set of bytes, one payment', async () => {
    const before = await world.a.balance(MERCHANT)
    const { operationId } = await begun('two drivers')
    await Promise.all([engine.driver.drive(operationId), other.driver.drive(operationId)])
    expect(new Set(sent().map(({ params }) => params[0])).size).toBe(1)
    expect(engine.rows('select count(*) as nonces from nonces')).toEqual([{ nonces: 1 }])
    expect(engine.rows('select count(*) as attempts from attempts')).toEqual([{ attempts: 1 }])
    await world.a.mine(2)
    await Promise.all([engine.driver.drive(operationId), other.driver.drive(operationId)])
    expect((await engine.get(operationId)).state).toBe('committed')
    expect((await world.a.balance(MERCHANT)) - before).toBe(200_000_000_000_000_000n)
  })

  it('F5: twice in one process: one drive serves both, and the bytes go out once', async () => {
    const { operationId } = await begun('one process')
    await Promise.all([engine.driver.drive(operationId), engine.driver.drive(operationId)])
    expect(sent()).toHaveLength(1)
    await world.a.mine(2)
  })
})

describe('leases', () => {
  const claim = async (by: Engine) => (await by.operations.claim(by.leases.take(), 100)).map(({ id }) => id)

  it('F1, F16: an operation belongs to one process until its lease ends, then to whoever asks first', async () => {
    const { operationId } = await begun('leased')
    expect(await claim(other)).toEqual([])
    expect(await claim(engine)).toEqual([operationId])
    engine.clock.advance(5_000)
    expect(await claim(other)).toEqual([])
    engine.clock.advance(1)
    expect(await claim(other)).toEqual([operationId])
    expect(await claim(engine)).toEqual([])
  })

  it('is renewed when half of it is over, and nothing is written before that', async () => {
    const { operationId } = await begun('renewed')
    const until = () => engine.rows('select lease_until from operations')[0]?.['lease_until']
    const first = until()
    engine.clock.advance(2_500)
    expect(await claim(engine)).toEqual([operationId])
    expect(until()).toBe(first)
    engine.clock.advance(1)
    expect(await claim(engine)).toEqual([operationId])
    expect(Date.parse(String(until())) - Date.parse(String(first))).toBe(2_501)
  })

  it('F25: a process that stops hands its operations over at once', async () => {
    const { operationId } = await begun('handed over')
    await engine.leases.stop(async () => undefined)
    expect(await claim(other)).toEqual([operationId])
  })

  it('F1: an operation that has ended is claimed by nobody', async () => {
    const { operationId } = await begun('ended')
    engine.clock.advance(30_000)
    await engine.driver.drive(operationId)
    engine.clock.advance(60_000)
    expect(await claim(other)).toEqual([])
  })

  it('F20: a lease from before the clock was set back does not keep an operation from being driven', async () => {
    const { operationId } = await begun('from the future')
    engine.clock.advance(-3_600_000)
    expect(await claim(other)).toEqual([operationId])
  })

  it('F1: a process that is running picks up what a dead one left, without being asked', async () => {
    const { operationId } = await begun('orphan')
    engine.clock.advance(5_001)
    const driven = new Promise<string>((resolve) => {
      other.leases.start(async (id) => {
        const pauseMs = await other.driver.drive(id)
        resolve(id)
        return pauseMs
      })
    })
    expect(await driven).toBe(operationId)
    await other.leases.stop(async () => undefined)
    expect((await engine.get(operationId)).steps[0]?.state).toBe('sent')
    await world.a.mine()
  })
})
