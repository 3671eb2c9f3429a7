import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { signAtNonce } from '../../../src/transactions/signing/signAtNonce.ts'
import { beginOnly } from '../../support/begun.ts'
import { type Engine, MERCHANT, startEngine, startWorld, type World } from '../../support/engine.ts'
import { type RedisServer, startRedisServer } from '../../support/redisServer.ts'

// The engine with Redis in front of its journal, as a process with REDIS_URL has it, on a real chain.

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.stop())

let redis: RedisServer
let engine: Engine
/** Another process on the same journal, which does not see Redis. */
let other: Engine
beforeEach(async () => {
  redis = await startRedisServer()
  world.a.proxy.reset()
  engine = startEngine({ lanes: [world.a], redis: { url: redis.url } })
  other = startEngine({ lanes: [world.a], home: engine.home, clock: engine.clock })
})
afterEach(async () => {
  await other.stop()
  await engine.stop()
  await redis.stop()
})

const payment = (idempotencyKey: string) => ({ to: 'merchant', amount: '0.5', idempotencyKey })
const sent = () => world.a.proxy.count('eth_sendRawTransaction')
const minedCount = async () =>
  Number(
    await world.a.ask('eth_getTransactionCount', engine.wallets.find('agent', chain()).address, 'latest'),
  )
const chain = () => engine.chains.resolve('sandbox-a')

async function finish(...operations: readonly string[]): Promise<void> {
  await world.a.mine(2)
  for (const id of operations) await engine.driver.drive(id)
  for (const id of operations) expect((await engine.get(id)).state).toBe('committed')
}

it('R2, R4: a nonce from Redis is on disk with its bytes before they are sent, in one write', async () => {
  const first = await minedCount()
  const before = await world.a.balance(MERCHANT)
  const { intentId } = await engine.prepare(payment('one write'))
  const { operationId } = await engine.execute(intentId)
  expect(engine.rows('select nonce, state from nonces')).toEqual([
    { nonce: String(first).padStart(20, '0'), state: 'sent' },
  ])
  expect(engine.rows('select event from audit order by seq').map((row) => row['event'])).toEqual([
    'chain.first-used',
    'intent.prepared',
    'operation.begun',
    'attempt.signed',
    'attempt.sent',
  ])
  await finish(operationId)
  expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
})

it('R4, F14: a nonce that the journal knows to be taken is signed again at another, and never sent', async () => {
  const first = await minedCount()
  const before = await world.a.balance(MERCHANT)
  // Redis is told of the lane, and of nothing that comes after.
  const warm = await engine.execute((await engine.prepare(payment('warm'))).intentId)
  const held = await beginOnly(other, (await other.prepare(payment('held'))).intentId)
  expect(await other.nonces.reserve(held.step, BigInt(first))).toBe(BigInt(first) + 1n)
  const { operationId, steps } = await engine.execute((await engine.prepare(payment('refused'))).intentId)
  expect(steps[0]).toMatchObject({ nonce: String(first + 2), state: 'sent' })
  expect(sent()).toBe(2)
  expect(engine.rows('select count(*) as n from attempts')).toEqual([{ n: 2 }])
  await other.driver.drive(held.operationId)
  expect(sent()).toBe(3)
  await finish(warm.operationId, held.operationId, operationId)
  expect((await world.a.balance(MERCHANT)) - before).toBe(1_500_000_000_000_000_000n)
})

it('R4, F6: what is abandoned before it was signed leaves no gap in Redis', async () => {
  const first = BigInt(await minedCount())
  const { operationId, step } = await beginOnly(engine, (await engine.prepare(payment('left'))).intentId)
  expect(await engine.nonces.reserve(step, first)).toBe(first)
  engine.clock.advance(3_600_000)
  await engine.driver.drive(operationId)
  expect((await engine.get(operationId)).state).toBe('failed')
  const next = await beginOnly(engine, (await engine.prepare(payment('next'))).intentId)
  expect(await engine.nonces.reserve(next.step, first)).toBe(first)
})

it('F16: what was reserved for an operation that has ended meanwhile leaves no gap in Redis', async () => {
  const first = BigInt(await minedCount())
  const { operationId, step } = await beginOnly(engine, (await engine.prepare(payment('ended'))).intentId)
  expect(await other.steps.abandon(step.id, 'another process was faster')).toBe(true)
  const signing = signAtNonce(engine, step, first, { receipt: '{}' }, async () => ({
    raw: '0x02',
    hash: '0xaa',
  }))
  await expect(signing).rejects.toMatchObject({ code: 'receipt_refused' })
  expect((await engine.get(operationId)).state).toBe('failed')
  const next = await beginOnly(engine, (await engine.prepare(payment('after it'))).intentId)
  expect(await engine.nonces.reserve(next.step, first)).toBe(first)
})

it('F13: without Redis a payment is made all the same, once', async () => {
  const before = await world.a.balance(MERCHANT)
  await redis.kill()
  const { operationId, steps } = await engine.execute((await engine.prepare(payment('no redis'))).intentId)
  expect(steps[0]).toMatchObject({ state: 'sent' })
  await finish(operationId)
  expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
})

it('F13: with NONCE_FALLBACK=refuse a payment is refused without Redis before it is begun, and made when it is back', async () => {
  const strict = startEngine({
    lanes: [world.a],
    home: engine.home,
    clock: engine.clock,
    redis: { url: redis.url, without: 'refuse' },
  })
  const before = await world.a.balance(MERCHANT)
  const { intentId } = await strict.prepare(payment('refused'))
  await redis.kill()
  const asked = performance.now()
  await expect(strict.execute(intentId)).rejects.toMatchObject({
    code: 'nonces_unavailable',
    chain: 'eip155:31337',
    sideEffect: 'none',
    retry: { afterSeconds: 5 },
  })
  expect(performance.now() - asked).toBeLessThan(2_000)
  expect(engine.rows('select * from operations')).toEqual([])
  expect(sent()).toBe(0)
  await redis.restart()
  await expect
    .poll(() => strict.execute(intentId).then(({ steps }) => steps[0]?.state, String), { timeout: 10_000 })
    .toBe('sent')
  await world.a.mine(2)
  expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
  await strict.stop()
})

it('F13: with NONCE_FALLBACK=refuse nothing is signed without Redis, and the payment is made when it is back', async () => {
  const strict = startEngine({
    lanes: [world.a],
    home: engine.home,
    clock: engine.clock,
    redis: { url: redis.url, without: 'refuse' },
  })
  const before = await world.a.balance(MERCHANT)
  await redis.kill()
  const { operationId } = await beginOnly(strict, (await strict.prepare(payment('strict'))).intentId)
  await expect(strict.driver.drive(operationId)).rejects.toMatchObject({ code: 'nonces_unavailable' })
  expect(engine.rows('select * from nonces')).toEqual([])
  expect(engine.rows('select * from attempts')).toEqual([])
  expect(sent()).toBe(0)
  await redis.restart()
  await expect
    .poll(
      () =>
        strict.driver.drive(operationId).then(
          () => sent(),
          () => 0,
        ),
      { timeout: 10_000 },
    )
    .toBe(1)
  await finish(operationId)
  expect((await world.a.balance(MERCHANT)) - before).toBe(500_000_000_000_000_000n)
  await strict.stop()
})
