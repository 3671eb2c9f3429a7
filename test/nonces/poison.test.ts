import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { StepRow } from '../../src/store/schema.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'
import { begin, beginMany } from './support/begun.ts'
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

type Client = ReturnType<RedisServer['client']>
const FAR = '99999999999999'
const FULL = '100,000 slots'
const HUGE = '18446744073709551615'

/** What somebody else, or a bug, may have written; the lane has three signed nonces before. */
const POISON: Readonly<Record<string, (client: Client, key: string, step: StepRow) => Promise<unknown>>> = {
  'a string in its place': async (client, key) => [await client.del(key), await client.set(key, '7')],
  'a list in its place': async (client, key) => [await client.del(key), await client.rpush(key, '7')],
  'nothing left': (client, key) => client.del(key),
  'no floor': (client, key) => client.hdel(key, 'raised'),
  'a floor that is no number': (client, key) => client.hset(key, 'raised', 'x'),
  'a floor beyond all nonces': (client, key) => client.hset(key, 'raised', HUGE),
  'a slot that is no slot': (client, key) => client.hset(key, 'n:3', 'poison'),
  'an empty slot': (client, key) => client.hset(key, 'n:3', ''),
  'a slot of an unknown state': (client, key) => client.hset(key, 'n:3', 'mined step 1 0'),
  'a slot with a lease of centuries': (client, key) => client.hset(key, 'n:3', `reserved stranger 1 ${FAR}`),
  'a lease that is over': (client, key) => client.hset(key, 'n:3', 'reserved stranger 1 5'),
  'a huge nonce for the step': (client, key, step) =>
    client.hset(key, { [`s:${step.id}`]: HUGE, [`n:${HUGE}`]: `signed ${step.id} 1 0` }),
  'a nonce for the step that is no number': (client, key, step) =>
    client.hset(key, { [`s:${step.id}`]: '-1', 'n:-1': `reserved ${step.id} 1 0` }),
  "another step's nonce for the step": (client, key, step) => client.hset(key, `s:${step.id}`, '1'),
  'the slots of signed nonces lost': (client, key) => client.hdel(key, 'n:0', 'n:1', 'n:2'),
  'the slots of signed nonces given to the step': (client, key, step) =>
    client.hset(key, { [`s:${step.id}`]: '1', 'n:1': `reserved ${step.id} 1 0` }),
  [FULL]: async (client, key) => {
    const slots = Array.from({ length: 100_000 }, (_, index) => [`n:${index + 3}`, 'signed stranger 1 0'])
    await client.hset(key, Object.fromEntries(slots))
  },
}

describe('T40: a poisoned Redis', () => {
  describe.each(Object.entries(POISON))('T40: %s', (name, poison) => {
    it.each(['while it is in use', 'before its first use'])(
      'T40: %s, the next nonce is the right one',
      async (when) => {
        const clock = { now: () => time }
        let time = 0
        const store = lane.shared(clock)
        for (const step of await beginMany(lane.journal, 3)) await lane.sign(store, step)
        const [step, next] = await beginMany(lane.journal, 2)
        if (!step || !next) throw new Error('two')
        await poison(server.client(), await lane.key(), step)
        // A lane that is full contradicts nothing: that is found out when it is raised again.
        if (name === FULL) time = 31_000
        const using = when === 'while it is in use' ? store : lane.shared(clock)
        expect(await lane.sign(using, step)).toBe(3n)
        expect(await lane.sign(using, next)).toBe(4n)
        expect(lane.rows('select count(distinct nonce) as n from attempts')).toEqual([{ n: 5 }])
      },
    )
  })

  it('T40: slots that a stranger holds send nothing beyond the lane, and are free when their time is over', async () => {
    const client = server.client()
    let time = 0
    const store = lane.shared({ now: () => time })
    expect(await lane.sign(store, await begin(lane.journal))).toBe(0n)
    const key = await lane.key()
    const [seconds = 0] = await client.time()
    const soon = Number(seconds) * 1000 + 5_000
    const strangers = Array.from({ length: 255 }, (_, index) => [
      `n:${index + 1}`,
      `signed stranger${index} 1 ${soon}`,
    ])
    await client.hset(key, Object.fromEntries(strangers))
    const step = await begin(lane.journal)
    await expect(store.reserve(step, 0n)).rejects.toMatchObject({ code: 'lane_full' })
    for (const [field = '', value = ''] of strangers)
      await client.hset(key, field, value.replace(String(soon), '5'))
    time = 2_000
    expect(await lane.sign(store, step)).toBe(1n)
  })

  it('T40: what a stranger holds without end is free half a minute later, whatever happens meanwhile', async () => {
    let time = 0
    const store = lane.shared({ now: () => time })
    expect(await lane.sign(store, await begin(lane.journal))).toBe(0n)
    await server.client().hset(await lane.key(), 'n:1', 'signed stranger 1 0')
    expect(await lane.sign(store, await begin(lane.journal))).toBe(2n)
    time = 31_000
    expect(await lane.sign(store, await begin(lane.journal))).toBe(1n)
    expect(await lane.sign(store, await begin(lane.journal))).toBe(3n)
  })

  it('T40: a lane with more in it than an honest one is thrown away unread', async () => {
    const client = server.client()
    expect(await lane.sign(lane.shared(), await begin(lane.journal))).toBe(0n)
    await POISON[FULL]?.(client, await lane.key(), await begin(lane.journal))
    await client.config('RESETSTAT')
    expect(await lane.sign(lane.shared(), await begin(lane.journal))).toBe(1n)
    const stats = String(await client.info('commandstats'))
    expect(stats).toContain('cmdstat_unlink')
    expect(stats).not.toContain('cmdstat_hgetall')
  })

  it('T40, F14: a Redis that is behind, as after a failover, gives out what was signed; the journal refuses it', async () => {
    const client = server.client()
    const [store, other] = [lane.shared(), lane.shared()]
    for (const step of await beginMany(lane.journal, 2)) await lane.sign(store, step)
    const key = await lane.key()
    const behind = await client.dumpBuffer(key)
    for (const step of await beginMany(lane.journal, 3)) await lane.sign(other, step)
    await client.restore(key, 0, behind, 'REPLACE')
    const [step, next] = await beginMany(lane.journal, 2)
    if (!step || !next) throw new Error('two')
    expect(await store.reserve(step, 0n)).toBe(2n)
    expect(await lane.sign(store, step)).toBe(5n)
    expect(await store.reserve(next, 0n)).toBe(6n)
  })

  it.each([
    ['nothing', null],
    ['a word', 'OK'],
    ['an unknown status', ['granted', '0', '1']],
    ['no nonce', ['reserved']],
    ['a negative nonce', ['reserved', '-1', '1']],
    ['a nonce that is no integer', ['reserved', '1e3', '1']],
    ['a nonce that is padded', ['reserved', '007', '1']],
    ['a nonce of another notation', ['reserved', '0x1', '1']],
    ['a nonce beyond the lane', ['reserved', '256', '1']],
    ['a nonce of 21 digits', ['reserved', '100000000000000000000', '1']],
    ['that it knows nothing, for ever', ['unraised']],
  ])('T40, F13: an answer that is none (%s) leaves the nonce to the journal', async (_name, reply) => {
    const liar = { opened: async () => {}, session: () => 1, run: async () => reply, why: () => 'lied' }
    const store = lane.guarded('journal', liar)
    expect(await lane.sign(store, await begin(lane.journal))).toBe(0n)
    expect(await lane.sign(store, await begin(lane.journal))).toBe(1n)
    expect(lane.said('warn')).toHaveLength(1)
  })
})
