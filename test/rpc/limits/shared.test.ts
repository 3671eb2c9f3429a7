import { setTimeout as delay } from 'node:timers/promises'
import type { Redis } from 'ioredis'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { unattended } from '../../../src/primitives/abort.ts'
import { type Logger, silentLogger } from '../../../src/primitives/logger.ts'
import type { MetricLabels, Metrics } from '../../../src/primitives/metrics.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import type { SharedCalls } from '../../../src/primitives/sharedCalls.ts'
import { redisConnection } from '../../../src/redis/connection.ts'
import { redisCalls } from '../../../src/redis/redisCalls.ts'
import { takeCalls } from '../../../src/redis/scripts/takeCalls.ts'
import { endpointLimiter, limitScope } from '../../../src/rpc/endpoint/endpointLimiter.ts'
import type { RateLimiter } from '../../../src/rpc/endpoint/rateLimiter.ts'
import { type RedisServer, startRedisServer } from '../../support/redisServer.ts'
import { busiestSecond, type Departures, leave } from './support/departures.ts'

const URL_WITH_KEY = 'https://eth-mainnet.g.alchemy.com/v2/CANARY-key'
const SCOPE = limitScope({ provider: 'alchemy', chain: 'eip155:1', url: new Secret(URL_WITH_KEY) })
const never = unattended()

let server: RedisServer
let cleanups: (() => Promise<void>)[]
let gauges: string[]
let warnings: string[]
beforeEach(async () => {
  server = await startRedisServer()
  cleanups = []
  gauges = []
  warnings = []
})
afterEach(async () => {
  for (const cleanup of cleanups) await cleanup()
  await server.stop()
})

const gauge = (name: string, { chain, host }: MetricLabels, value: number) =>
  void gauges.push(`${name} ${chain} ${host} ${value}`)
const metrics: Metrics = { count: () => undefined, gauge, observe: () => undefined }
const logger: Logger = {
  ...silentLogger,
  warn: (message, fields) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
}

/** A limiter with a connection of its own, as another process has; `farMs` further from Redis than the others. */
function member(perSecond: number, farMs = 0): RateLimiter {
  const redis = redisConnection({ url: new Secret(server.url) })
  const calls = redisCalls(redis)
  const take: SharedCalls['take'] = async (...args) => {
    if (farMs > 0) await delay(farMs)
    return calls.take(...args)
  }
  const limiter = endpointLimiter({
    url: new Secret(URL_WITH_KEY),
    chain: 'eip155:1',
    provider: 'alchemy',
    perSecond,
    shared: { ...calls, take },
    metrics,
    logger,
  })
  if (!limiter) throw new Error('a limit makes a limiter')
  cleanups.push(async () => {
    await limiter.close()
    await redis.close()
  })
  return limiter
}

/** Two callers at each of the limiters, each with `calls` at a time, for as long as `until` says no. */
async function load(
  limiters: readonly RateLimiter[],
  departures: Departures,
  until: () => boolean,
  calls = 3,
) {
  const callers = limiters.flatMap((limiter) => [limiter, limiter])
  await Promise.all(
    callers.map(async (limiter) => {
      while (!until()) await leave(limiter, calls, departures)
    }),
  )
}

const keysOf = (redis: Redis) => redis.keys('*')

describe('B4: a limit in Redis', () => {
  it('T14: key names carry provider, chain and a digest, in one hash tag, and no part of the API key', async () => {
    const limiter = member(5)
    await limiter.acquire(1, never)
    limiter.throttled(50)
    const redis = server.client()
    await expect.poll(() => keysOf(redis)).toHaveLength(4)
    for (const key of await keysOf(redis)) {
      expect(key).toMatch(
        /^bursar:limit:\{alchemy:[0-9a-f]{16}:eip155:1\}:(slices|members|slow|pause|waiting)$/,
      )
      expect(await redis.pttl(key)).toBeGreaterThan(0)
    }
    expect(JSON.stringify(await Promise.all([keysOf(redis), redis.info()]))).not.toContain('CANARY')
  })

  it('other keys and other chains have limits of their own', () => {
    const scope = (provider: string, chain: string, url: string) =>
      limitScope({ provider, chain, url: new Secret(url) })
    const scopes = [
      scope('alchemy', 'eip155:1', 'https://a.example/one'),
      scope('alchemy', 'eip155:1', 'https://a.example/two'),
      scope('alchemy', 'eip155:10', 'https://a.example/one'),
      scope('infura', 'eip155:1', 'https://a.example/one'),
    ]
    expect(new Set(scopes).size).toBe(4)
    expect(scope('alchemy', 'eip155:1', 'https://a.example/one')).toBe(scopes[0])
  })

  it('what one process was refused slows the others, for the pause and after it', async () => {
    const [told, other] = [member(20), member(20)]
    await Promise.all([told.acquire(1, never), other.acquire(1, never)])
    told.throttled(1_500)
    const throttled = performance.now()
    await delay(100)
    await other.acquire(1, never)
    expect(performance.now() - throttled).toBeGreaterThanOrEqual(1_490)
    expect(other.report().current).toBe(10)
    expect(other.report().limit).toBe(20)
  })

  it('whoever comes first leaves to each that waits its part, and takes it when that does not come back', async () => {
    const redis = redisConnection({ url: new Secret(server.url) })
    cleanups.push(() => redis.close())
    /** Twelve calls of twelve a second; who waits may come back `late`, in ms. Answers: granted, and ms to wait. */
    const take = async (scope: string, member: string, late: number) => {
      const keys = ['slices', 'members', 'slow', 'pause', 'waiting'].map((name) => `{${scope}}:${name}`)
      const args = [12, 12, member, 50, 20, 1_010, 30_000, 60_000, late]
      const [granted = 0, wait = 0] = (await redis.run(takeCalls, keys, args)) as number[]
      return { granted, wait }
    }
    for (const [scope, late, shares] of [
      ['awaited', 60_000, [6, 6]],
      ['given up', 1, [12, 0]],
    ] as const) {
      expect((await take(scope, 'greedy', late)).granted).toBe(12)
      const { granted, wait } = await take(scope, 'patient', late)
      expect(granted).toBe(0)
      await delay(wait + 20)
      // The one that had all asks again first.
      const asked = [await take(scope, 'greedy', late), await take(scope, 'patient', late)]
      expect(asked.map((each) => each.granted)).toEqual(shares)
    }
  })

  it('who has had its part leaves theirs to those that wait, however often it asks', async () => {
    const redis = redisConnection({ url: new Secret(server.url) })
    cleanups.push(() => redis.close())
    const take = async (member: string, wanted: number) => {
      const keys = ['slices', 'members', 'slow', 'pause', 'waiting'].map((name) => `{greed}:${name}`)
      const args = [wanted, 12, member, 50, 20, 1_010, 30_000, 60_000, 60_000]
      const [granted = 0, wait = 0] = (await redis.run(takeCalls, keys, args)) as number[]
      return { granted, wait }
    }
    await take('gone', 12)
    await take('greedy', 12)
    const { wait } = await take('patient', 12)
    await delay(wait + 20)
    let granted = 0
    for (let time = 0; time < 20; time++) granted += (await take('greedy', 12)).granted
    expect([granted, (await take('patient', 12)).granted]).toEqual([6, 6])
  })

  it('a process that is further from Redis than the others is not starved by them', async () => {
    const limiters = [member(24), member(24, 5)]
    const departures: Departures[] = [[], []]
    const end = performance.now() + 5_000
    const loads = limiters.map((limiter, index) => {
      return load(Array(10).fill(limiter), departures[index] as Departures, () => performance.now() > end, 1)
    })
    await Promise.all(loads)
    const [near, far] = departures.map(({ length }) => length)
    expect(far).toBeGreaterThan(Number(near) / 2)
    expect(busiestSecond(departures.flat())).toBeLessThanOrEqual(24)
  })

  it('a process that leaves is no longer counted', async () => {
    const [first, second] = [member(5), member(5)]
    await Promise.all([first.acquire(1, never), second.acquire(1, never)])
    const redis = server.client()
    expect(await redis.zcard(`bursar:limit:{${SCOPE}}:members`)).toBe(2)
    await second.close()
    expect(await redis.zcard(`bursar:limit:{${SCOPE}}:members`)).toBe(1)
  })
})

describe('F13, F14: Redis away, wiped, hanging', () => {
  it('F14: wiped in the middle of a second, and the limit holds in every second', async () => {
    const limiters = [member(20), member(20)]
    const departures: Departures = []
    const end = performance.now() + 7_000
    const running = load(limiters, departures, () => performance.now() > end)
    const redis = server.client()
    for (const wait of [1_300, 300, 2_400]) {
      await delay(wait)
      await redis.flushall()
    }
    await running
    expect(busiestSecond(departures)).toBeLessThanOrEqual(20)
    expect(departures.length).toBeGreaterThan(40)
    expect(warnings[0]).toMatch(/no longer shared.*forgotten/)
  })

  it('F13: hanging: each goes on with its share after a second and a half, says so, and comes back', async () => {
    const limiters = [member(20), member(20)]
    const departures: Departures = []
    let over = false
    const running = load(limiters, departures, () => over)
    await delay(1_500)
    server.freeze()
    const frozen = performance.now()
    await delay(4_000)
    const during = departures.filter((time) => time > frozen + 1_600).length
    server.thaw()
    await expect.poll(() => gauges.filter((line) => line.endsWith(' 1')).length, { timeout: 5_000 }).toBe(2)
    over = true
    await running
    expect(busiestSecond(departures)).toBeLessThanOrEqual(20)
    expect(during).toBeGreaterThanOrEqual(40)
    expect(gauges.slice(0, 2)).toEqual(Array(2).fill('rpc_limit_shared eip155:1 eth-mainnet.g.alchemy.com 0'))
    expect(warnings).toHaveLength(2)
    expect(warnings.join()).toContain('"perSecond":10')
    expect(warnings.join()).not.toContain('CANARY')
  })

  it('F13: not there from the start: half of the limit, because nobody knows who else is there', async () => {
    await server.kill()
    const departures: Departures = []
    const end = performance.now() + 3_500
    await load([member(10)], departures, () => performance.now() > end)
    expect(busiestSecond(departures)).toBeLessThanOrEqual(5)
    expect(departures.length).toBeGreaterThanOrEqual(10)
  })

  it('callers that abort while Redis is away are out at once', async () => {
    const limiter = member(5)
    await limiter.acquire(1, never)
    await server.kill()
    const controller = new AbortController()
    const waiting = limiter.acquire(1, controller.signal)
    controller.abort(new Error('gone'))
    await expect(waiting).rejects.toThrow('gone')
    expect(limiter.report().waiting).toBe(0)
    expect(await limiter.acquire(1, never)).toBe(1)
  })
})

describe('T40: what somebody else has written into Redis', () => {
  const key = (name: string) => `bursar:limit:{${SCOPE}}:${name}`
  it.each<[string, (redis: Redis) => Promise<unknown>]>([
    ['a rate of zero', (redis) => redis.set(key('slow'), '0')],
    ['a rate of one for ever', (redis) => redis.set(key('slow'), '1')],
    ['a rate of one for a day', (redis) => redis.set(key('slow'), '1', 'EX', 86_400)],
    ['a rate that is no number', (redis) => redis.set(key('slow'), 'none')],
    ['a pause without end', (redis) => redis.set(key('pause'), '1')],
    ['a pause of a day', (redis) => redis.set(key('pause'), '1', 'EX', 86_400)],
    [
      'slices of the future, as after a clock that was set back',
      (redis) => redis.hset(key('slices'), '99999999999999', '1000'),
    ],
    ['slices that are no numbers', (redis) => redis.hset(key('slices'), 'x', 'y')],
    ['a key of another type', (redis) => redis.set(key('slices'), 'x')],
    [
      'a crowd of members',
      (redis) =>
        redis.zadd(
          key('members'),
          ...Array.from({ length: 500 }, (_, index) => [Date.now(), `m${index}`]).flat(),
        ),
    ],
  ])('%s: calls go on within the limit (F20)', async (_, poison) => {
    await poison(server.client())
    const limiter = member(10)
    const departures: Departures = []
    for (let call = 0; call < 8; call++) expect(await leave(limiter, 1, departures)).toBe('all')
    expect(busiestSecond(departures)).toBeLessThanOrEqual(10)
  })
})
