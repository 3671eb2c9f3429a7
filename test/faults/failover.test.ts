import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { startWorld, type World } from '../support/engine.ts'
import { startWatchedRedis, type WatchedRedis } from '../support/redisSentinels.ts'
import { burst } from './support/burst.ts'
import { crashPrograms, type Programs } from './support/programs.ts'

let world: World
let programs: Programs
beforeAll(async () => {
  ;[world, programs] = await Promise.all([startWorld(), crashPrograms()])
})
afterAll(async () => {
  programs.remove()
  await world.stop()
})

let redis: WatchedRedis
beforeEach(async () => {
  redis = await startWatchedRedis()
  return () => redis.stop()
}, 40_000)

it('F15, R4: Redis fails over to a replica that is behind while 2 processes pay 120 times each: contiguous, all mined, each once', async () => {
  const at: Record<string, number> = {}
  const seen = await burst({
    ...{ world, programs, redisUrl: redis.url, processes: 2, each: 120, atATime: 2 },
    async meanwhile(signed) {
      const reach = (count: number) =>
        expect.poll(signed, { timeout: 60_000, interval: 5 }).toBeGreaterThanOrEqual(count)
      await reach(10)
      await redis.detach()
      await reach(signed() + 10)
      await redis.crash()
      at['crashed'] = signed()
      await redis.promoted()
      at['promoted'] = signed()
    },
  })
  // The journal gave nonces out in between, and some are left for the new primary.
  expect(at['promoted']).toBeGreaterThan(at['crashed'] ?? 240)
  expect(at['promoted']).toBeLessThan(240)
  expect(seen).toEqual({
    contiguous: true,
    mined: 240,
    waiting: 0,
    paidOnce: 240,
    arrivals: 240,
    sentAgain: 240,
    operations: [{ state: 'committed', n: 240 }],
  })
}, 120_000)
