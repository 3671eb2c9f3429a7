import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { RedisNonces } from '../../src/redis/redisNonces.ts'
import { NonceTableStore } from '../../src/store/nonces/nonces.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'
import { begin, beginMany, journalFile, LANE, record } from './support/begun.ts'
import { startLane, type TestLane } from './support/lane.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

let lane: TestLane
beforeEach(async () => {
  await server.client().flushall()
  lane = startLane(server.url)
})
afterEach(() => lane.stop())

describe('R4: what two journals have in common', () => {
  it('R4: two journals with the same chain id and account on one Redis do not share a lane', async () => {
    const sandbox = journalFile()
    const another = sandbox.open()
    const step = await begin(another)
    expect(await lane.shared().reserve(await begin(lane.journal), 0n)).toBe(0n)
    expect(await lane.shared(undefined, new NonceTableStore(another)).reserve(step, 0n)).toBe(0n)
    await sandbox.remove()
  })
})

describe('F16: the epoch of a reservation', () => {
  const over = async (key: string, nonce: string) => {
    const client = server.client()
    const value = String(await client.hget(key, `n:${nonce}`))
    await client.hset(key, `n:${nonce}`, value.replace(/\d+$/, '1'))
  }

  it('F16: is another one after the lease ran out, and the old one marks and frees nothing', async () => {
    const redis = new RedisNonces(lane.connect())
    const own = { ...LANE, journal: 'test' }
    const key = 'bursar:nonces:test:{eip155:31337:0xA}'
    await redis.raise(own, 0n, [])
    const first = await redis.reserve(own, 'one', 0n)
    if (first.status !== 'reserved') throw new Error('reserved')
    expect(first.nonce).toBe(0n)
    // Asked again in time: the same grant.
    expect(await redis.reserve(own, 'one', 0n)).toEqual(first)
    expect(await redis.reserve(own, 'two', 0n)).toMatchObject({ nonce: 1n })
    await over(key, '0')
    const second = await redis.reserve(own, 'three', 0n)
    if (second.status !== 'reserved') throw new Error('reserved')
    expect(second.nonce).toBe(0n)
    expect(BigInt(second.epoch)).toBeGreaterThan(BigInt(first.epoch))

    expect(await redis.mark(own, 'one', 0n, first.epoch)).toBe(false)
    await redis.release(own, 'one')
    expect(await server.client().hget(key, 'n:0')).toMatch(/^reserved three /)
    expect(await redis.mark(own, 'three', 0n, first.epoch)).toBe(false)
    expect(await redis.mark(own, 'three', 0n, second.epoch)).toBe(true)
    expect(await server.client().hget(key, 'n:0')).toMatch(/^signed three /)
    await redis.release(own, 'three')
    expect(await server.client().hget(key, 'n:0')).toMatch(/^signed three /)
  })

  it('F16: a step whose own lease ran out keeps its nonce, under a new epoch', async () => {
    const redis = new RedisNonces(lane.connect())
    const own = { ...LANE, journal: 'test' }
    await redis.raise(own, 0n, [])
    const first = await redis.reserve(own, 'one', 0n)
    await over('bursar:nonces:test:{eip155:31337:0xA}', '0')
    const second = await redis.reserve(own, 'one', 0n)
    expect(second).toMatchObject({ nonce: 0n })
    if (first.status !== 'reserved' || second.status !== 'reserved') throw new Error('reserved')
    expect(second.epoch).not.toBe(first.epoch)
  })

  it('F16: what was reserved for a step that another process has signed is free for the next', async () => {
    const [one, two] = [lane.shared(), lane.shared()]
    const [step, next] = await beginMany(lane.journal, 2)
    if (!step || !next) throw new Error('two')
    expect(await one.reserve(step, 0n)).toBe(0n)
    await record(lane.journal, step, 0n)
    await one.recorded(step, 0n)
    await over(await lane.key(), '0')
    // It was stopped until the block came, and does not know that the step is signed.
    expect(await two.reserve(step, 1n)).toBe(1n)
    expect(await record(lane.journal, step, 1n)).toMatchObject({ nonce: '00000000000000000000' })
    await two.recorded(step, 0n)
    expect(await one.reserve(next, 1n)).toBe(1n)
  })
})
