import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SharedNonces } from '../../src/nonces/sharedNonces.ts'
import { systemClock } from '../../src/primitives/clock.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { redisConnection } from '../../src/redis/connection.ts'
import { RedisNonces } from '../../src/redis/redisNonces.ts'
import { Journal } from '../../src/store/journal.ts'
import { NonceTableStore } from '../../src/store/nonces/nonces.ts'
import type { StepRow } from '../../src/store/schema.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'
import { begin, beginMany, record } from './support/begun.ts'
import { startLane, type TestLane } from './support/lane.ts'

let own: RedisServer
let lane: TestLane
beforeEach(async () => {
  own = await startRedisServer()
  lane = startLane(own.url)
})
afterEach(async () => {
  await lane.stop()
  await own.stop()
})

describe('F13: Redis away', () => {
  it('F13: the journal takes over, with one warning an outage and a count of calls; Redis is back by itself', async () => {
    const store = lane.guarded()
    const steps = await beginMany(lane.journal, 40)
    const rest = steps.values()
    const take = () => rest.next().value as StepRow
    expect(await lane.sign(store, take())).toBe(0n)
    for (let outage = 1; outage <= 2; outage++) {
      await own.kill()
      const before = Number(lane.rows('select count(*) as n from attempts')[0]?.['n'])
      for (let call = 0; call < 3; call++) {
        // Each of them asks Redis first.
        lane.time.ms += 1_000
        expect(await lane.sign(store, take())).toBe(BigInt(before + call))
      }
      expect(lane.said('warn')).toHaveLength(outage)
      const key = 'nonce_fallback {"chain":"eip155:31337","without":"journal"}'
      expect(lane.counts).toEqual(new Map([[key, 3]]))
      await own.restart()
      const back = () => lane.said('info redis serves nonces again').length
      // The journal gives the same nonce again until it is signed, and so does Redis, once it is told.
      const asked = take()
      await expect
        .poll(
          async () => {
            lane.time.ms += 1_000
            return [await store.reserve(asked, 0n), back()]
          },
          { timeout: 10_000 },
        )
        .toEqual([BigInt(before + 3), outage])
      await record(lane.journal, asked, BigInt(before + 3))
      await store.recorded(asked, BigInt(before + 3))
      lane.counts.clear()
    }
    expect(lane.said('').join()).not.toContain('redis://')
  })

  it.each(['is killed', 'hangs'])(
    'F13: with NONCE_FALLBACK=refuse nothing is reserved within two seconds when Redis %s, and all goes on later',
    async (how) => {
      const store = lane.guarded('refuse')
      const [first, step] = await beginMany(lane.journal, 2)
      if (!first || !step) throw new Error('two')
      expect(await lane.sign(store, first)).toBe(0n)
      if (how === 'hangs') own.freeze()
      else await own.kill()
      for (let call = 0; call < 3; call++) {
        // The second asks Redis again, the third does not: it was asked just now.
        if (call === 1) lane.time.ms += 1_000
        const asked = performance.now()
        await expect(store.reserve(step, 0n)).rejects.toMatchObject({
          code: 'nonces_unavailable',
          kind: 'provider',
          chain: 'eip155:31337',
          sideEffect: 'none',
          retry: { afterSeconds: 5 },
        })
        expect(performance.now() - asked).toBeLessThan(2_000)
      }
      expect(lane.rows(`select * from nonces where step_id = '${step.id}'`)).toEqual([])
      expect(lane.said('warn')).toHaveLength(1)
      if (how === 'hangs') own.thaw()
      else await own.restart()
      const again = () => {
        lane.time.ms += 1_000
        return store.reserve(step, 0n).catch(() => 'not yet')
      }
      await expect.poll(again, { timeout: 10_000 }).toBe(1n)
    },
  )

  it('F13: with NONCE_FALLBACK=refuse a Redis that was never there refuses within two seconds', async () => {
    await own.kill()
    const absent = redisConnection({ url: new Secret(own.url) })
    const store = lane.guarded('refuse', absent)
    const asked = performance.now()
    await expect(store.reserve(await begin(lane.journal), 0n)).rejects.toMatchObject({
      code: 'nonces_unavailable',
      context: { reason: 'ECONNREFUSED' },
    })
    expect(performance.now() - asked).toBeLessThan(2_000)
    await absent.close()
  })

  it('F13, R4: a Redis that was silent for a while is told what the journal gave out meanwhile', async () => {
    const store = lane.guarded()
    const [one, two, three, four] = await beginMany(lane.journal, 4)
    if (!one || !two || !three || !four) throw new Error('four')
    expect(await lane.sign(store, one)).toBe(0n)
    own.freeze()
    expect(await store.reserve(two, 0n)).toBe(1n)
    expect(await store.reserve(three, 0n)).toBe(2n)
    own.thaw()
    await expect
      .poll(async () => {
        lane.time.ms += 1_000
        await store.reserve(two, 0n)
        return lane.said('info redis serves nonces again').length
      })
      .toBe(1)
    expect(await store.reserve(four, 0n)).toBe(3n)
    expect(lane.rows(`select * from nonces where step_id = '${four.id}'`)).toEqual([])
  })

  it('F14: a Redis that comes back with what it knew before is told what it has missed, before it is asked', async () => {
    const redis = lane.connect()
    const store = new SharedNonces(new RedisNonces(redis), lane.table)
    const [one, two, three, four] = await beginMany(lane.journal, 4)
    if (!one || !two || !three || !four) throw new Error('four')
    expect([await lane.sign(store, one), await lane.sign(store, two)]).toEqual([0n, 1n])
    const behind = await own.client().dumpBuffer(await lane.key())
    expect(await lane.sign(store, three)).toBe(2n)
    await own.restart()
    await own.client().restore(await lane.key(), 0, behind)
    const answers = () =>
      redis.ping().then(
        () => true,
        () => false,
      )
    await expect.poll(answers, { timeout: 10_000 }).toBe(true)
    // Nothing was asked while it was away. It would have said 2.
    expect(await store.reserve(four, 0n)).toBe(3n)
  })

  it('F13: a Redis that answers each command too late for all of them counts as away', async () => {
    const slow = {
      opened: async () => {},
      session: () => 1,
      run: () => new Promise<never>(() => {}),
      why: () => 'never',
    }
    const asked = performance.now()
    await expect(lane.guarded('refuse', slow).reserve(await begin(lane.journal), 0n)).rejects.toMatchObject({
      code: 'nonces_unavailable',
      context: { reason: 'no answer in time' },
    })
    expect(performance.now() - asked).toBeLessThan(2_000)
  })

  it('R10: what the journal says passes unchanged: it is no outage of Redis', async () => {
    const closed = new NonceTableStore(new Journal('/dev/null/journal.db', systemClock))
    const store = lane.guarded('refuse', lane.connect(), closed)
    const step = await begin(lane.journal)
    await expect(store.reserve(step, 0n)).rejects.toMatchObject({ code: 'journal_unavailable' })
    expect(lane.said('warn')).toEqual([])
  })

  it('R4: a step that was refused twice is given its nonce by the journal, which nobody can take', async () => {
    const store = lane.guarded()
    const [first, step] = await beginMany(lane.journal, 2)
    if (!first || !step) throw new Error('two')
    expect(await store.reserve(step, 0n)).toBe(0n)
    await store.refused(step, 0n)
    expect(await store.reserve(step, 0n)).toBe(0n)
    expect(lane.rows('select * from nonces')).toEqual([])
    await store.refused(step, 0n)
    expect(await store.reserve(step, 0n)).toBe(0n)
    expect(lane.rows('select step_id, state from nonces')).toEqual([{ step_id: step.id, state: 'reserved' }])
    // Another process hears of it before it gives out the first nonce.
    expect(await lane.guarded().reserve(first, 0n)).toBe(1n)
  })
})

it('F13: a lane that a new connection was told meanwhile is not forgotten when the old one fails', async () => {
  let session = 1
  const told: ((error: Error) => void)[] = []
  const redis = {
    session: async () => session,
    raise: () => (session === 1 ? new Promise<void>((_, reject) => told.push(reject)) : Promise.resolve()),
    reserve: async () => ({ status: 'reserved', nonce: 7n, epoch: '1' }),
  }
  const store = new SharedNonces(redis as unknown as RedisNonces, lane.table)
  const [slow, swift] = await beginMany(lane.journal, 2)
  const failing = store.reserve(slow as StepRow, 0n)
  await expect.poll(() => told.length).toBe(1)
  session = 2
  expect(await store.reserve(swift as StepRow, 0n)).toBe(7n)
  told[0]?.(new Error('the connection is closed'))
  await expect(failing).rejects.toThrow('the connection is closed')
  expect(await store.reserve(slow as StepRow, 0n)).toBe(7n)
})
