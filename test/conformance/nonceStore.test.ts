import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { FallbackNonces } from '../../src/nonces/fallbackNonces.ts'
import type { NonceStore } from '../../src/nonces/nonceStore.ts'
import { SharedNonces } from '../../src/nonces/sharedNonces.ts'
import { silentLogger } from '../../src/primitives/logger.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { type RedisConnection, redisConnection } from '../../src/redis/connection.ts'
import { RedisNonces } from '../../src/redis/redisNonces.ts'
import type { Journal } from '../../src/store/journal.ts'
import { NonceTableStore } from '../../src/store/nonces/nonces.ts'
import { StepStore } from '../../src/store/steps/steps.ts'
import {
  begin,
  beginMany,
  type JournalFile,
  journalFile,
  record,
  row,
  sorted,
} from '../nonces/support/begun.ts'
import { patientRedis } from '../nonces/support/patientRedis.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedisServer()
})
afterAll(() => server.stop())

let connections: RedisConnection[] = []
const connect = (redis: RedisConnection) => {
  connections.push(redis)
  return new RedisNonces(redis)
}
const fallback = (shared: NonceStore, journal: NonceStore) =>
  new FallbackNonces({ shared, journal, without: 'journal', logger: silentLogger, metrics: silentMetrics })
/** Nobody listens there. */
const NOWHERE = new Secret('redis://127.0.0.1:1')

/** Every way in which a process gives out nonces. */
const STORES: Readonly<Record<string, (table: NonceTableStore) => NonceStore>> = {
  'the journal': (table) => table,
  Redis: (table) => new SharedNonces(connect(patientRedis(server.url)), table),
  'Redis or the journal': (table) =>
    fallback(new SharedNonces(connect(patientRedis(server.url)), table), table),
  'the journal instead of Redis': (table) =>
    fallback(new SharedNonces(connect(redisConnection({ url: NOWHERE })), table), table),
}

describe.each(Object.entries(STORES))('nonce store conformance: %s', (_name, open) => {
  let file: JournalFile
  /** Two processes on one journal. */
  let journals: readonly [Journal, Journal]
  let stores: readonly [NonceStore, NonceStore]
  beforeEach(() => {
    file = journalFile()
    journals = [file.open(), file.open()]
    stores = [open(new NonceTableStore(journals[0])), open(new NonceTableStore(journals[1]))]
  })
  afterEach(async () => {
    await Promise.all(connections.map((redis) => redis.close()))
    connections = []
    await file.remove()
  })

  it('R4, F4: gives out nonces in a row, to whichever process asks', async () => {
    const wanted = await beginMany(journals[0], 40)
    const got = await Promise.all(wanted.map((step, index) => stores[index % 2 ? 1 : 0].reserve(step, 3n)))
    expect(sorted(got)).toEqual(row(3n, 40))
  })

  it('R4, F5: gives a step the nonce that it has: again, from another process, at another floor', async () => {
    const [one, two] = await Promise.all([begin(journals[0]), begin(journals[0])])
    expect(await stores[0].reserve(one, 5n)).toBe(5n)
    expect(await stores[1].reserve(one, 9n)).toBe(5n)
    expect(await stores[1].reserve(one, 5n)).toBe(5n)
    const both = await Promise.all([stores[0].reserve(two, 5n), stores[1].reserve(two, 5n)])
    expect(both).toEqual([6n, 6n])
  })

  it('R4: keeps lanes apart: two chains of one account, two accounts of one chain', async () => {
    for (const lane of [
      { chain: 'eip155:1', account: '0xA' },
      { chain: 'eip155:10', account: '0xA' },
      { chain: 'eip155:1', account: '0xB' },
    ])
      expect(await stores[0].reserve(await begin(journals[0], lane), 0n)).toBe(0n)
  })

  it('R4, F7: gives out the lowest nonce that was released, before any new one', async () => {
    const [a, b, c, d, e] = await beginMany(journals[0], 5)
    if (!a || !b || !c || !d || !e) throw new Error('five')
    for (const step of [a, b, c]) await stores[0].reserve(step, 0n)
    await stores[0].release(b)
    await stores[1].release(a)
    await stores[1].release(a)
    expect(await stores[1].reserve(d, 0n)).toBe(0n)
    expect(await stores[0].reserve(e, 0n)).toBe(1n)
    expect(await stores[0].reserve(a, 0n)).toBe(3n)
  })

  it('R4, R2: never frees a nonce at which bytes were signed', async () => {
    const [one, two, three] = await beginMany(journals[0], 3)
    if (!one || !two || !three) throw new Error('three')
    expect(await stores[1].reserve(one, 0n)).toBe(0n)
    expect(await stores[0].reserve(two, 0n)).toBe(1n)
    await record(journals[0], two, 1n)
    await stores[0].recorded(two, 1n)
    for (const store of stores) await store.release(two)
    expect(await stores[1].reserve(three, 0n)).toBe(2n)
    expect(await stores[1].reserve(two, 0n)).toBe(1n)
  })

  it('R4: gives out nothing below the floor, and nothing that the journal has under way there', async () => {
    const [one, two, three] = await beginMany(journals[0], 3)
    if (!one || !two || !three) throw new Error('three')
    await record(journals[0], one, 4n)
    expect(await stores[0].reserve(two, 4n)).toBe(5n)
    expect(await stores[0].reserve(three, 6n)).toBe(6n)
  })

  it('R4: a floor that steps back, as after a reorganisation, gives out nothing that was signed', async () => {
    const [one, two, three] = await beginMany(journals[0], 3)
    if (!one || !two || !three) throw new Error('three')
    await record(journals[0], one, 8n)
    expect(await stores[0].reserve(two, 9n)).toBe(9n)
    expect(await stores[0].reserve(three, 8n)).toBe(10n)
  })

  it.each([
    [9_007_199_254_740_991n, 9_007_199_254_740_994n],
    [9_999_999_999_999_999_998n, 10_000_000_000_000_000_001n],
    [18_446_744_073_709_551_608n, 18_446_744_073_709_551_611n],
    [99n, 102n],
    [1_099_998n, 1_100_001n],
  ])('R4: counts exactly: from %d on, the fourth is %d', async (floor, fourth) => {
    const steps = await beginMany(journals[0], 4)
    const got: bigint[] = []
    for (const step of steps) got.push(await stores[0].reserve(step, floor))
    expect(got).toEqual([fourth - 3n, fourth - 2n, fourth - 1n, fourth])
  })

  it('C4: holds 256 nonces of a lane at most, and goes on when one is mined', async () => {
    const steps = await beginMany(journals[0], 257)
    for (const step of steps.slice(0, 256)) await stores[0].reserve(step, 0n)
    const last = steps[256]
    if (!last) throw new Error('257')
    await expect(stores[1].reserve(last, 0n)).rejects.toMatchObject({
      code: 'lane_full',
      context: { account: '0xA', limit: 256 },
      chain: 'eip155:31337',
      sideEffect: 'none',
    })
    expect(await stores[1].reserve(last, 1n)).toBe(256n)
  })

  it('R4, F8: after bytes were refused, the step gets a nonce that it can sign at', async () => {
    const [one, two, three] = await beginMany(journals[0], 3)
    if (!one || !two || !three) throw new Error('three')
    expect(await stores[0].reserve(one, 0n)).toBe(0n)
    await stores[0].release(one)
    // Another process, which the store has not heard of.
    await record(journals[1], two, 0n)
    const nonce = await stores[0].reserve(three, 0n)
    if (nonce === 0n) {
      await expect(record(journals[0], three, 0n)).rejects.toMatchObject({ code: 'nonce_taken' })
      await stores[0].refused(three, 0n)
    }
    const free = await stores[0].reserve(three, 0n)
    expect(free).toBe(1n)
    expect(await record(journals[0], three, free)).toMatchObject({ state: 'signed' })
  })

  it('R4, F1: what an abandoned step had reserved is free', async () => {
    const [one, two] = await beginMany(journals[0], 2)
    if (!one || !two) throw new Error('two')
    await stores[0].reserve(one, 0n)
    expect(await new StepStore(journals[1]).abandon(one.id, 'never signed')).toBe(true)
    await stores[1].release(one)
    expect(await stores[0].reserve(two, 0n)).toBe(0n)
  })
})
