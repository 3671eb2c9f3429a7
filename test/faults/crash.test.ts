import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWorld, type World } from '../support/engine.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'
import { type Kill, killAndResume, pointsOf, totalsOf, ways } from './support/crashRun.ts'
import { crashPrograms, type Programs } from './support/programs.ts'

// kill -9 at numbered points of an execution, some of them here and all of them in `npm run test:crash`. One chain
// for all; each process has a journal and an account of its own.

let world: World
let redis: RedisServer
let programs: Programs
beforeAll(async () => {
  ;[world, redis, programs] = await Promise.all([startWorld(), startRedisServer(), crashPrograms()])
})
afterAll(async () => {
  programs.remove()
  await Promise.all([world.stop(), redis.stop()])
})

/** What Redis is told in the background takes a few points more or less: the last ones may not be reached. */
const UNSURE = 6

/** Numbers of points, spread over all that are sure; another `phase` (below 1) gives others between them. */
function spread(points: number, count: number, phase: number): readonly number[] {
  const sure = points - UNSURE
  return Array.from({ length: count }, (_, index) => 1 + Math.floor(((index + phase) * sure) / count))
}

it('F1, R2: 80 processes that die between begin and answer: every payment is made once, and nothing is stuck', async () => {
  const stage = { world, redisUrl: redis.url, programs }
  const points = await pointsOf(stage)
  const kills = ways.flatMap((way, index) =>
    spread(points[index]?.length ?? 0, 5, index / ways.length).map(
      (at): Kill => ({ ...way, at, again: at % 2 === 0 ? 'at once' : 'afterwards' }),
    ),
  )
  const killed = await killAndResume(stage, kills)
  expect(killed.flatMap(({ verdict }) => verdict.notes)).toEqual([])
  const { points: different, ...totals } = totalsOf(killed)
  expect(totals).toEqual({ kills: 80, duplicates: 0, lost: 0, wedged: 0, miscounted: 0 })
  expect(different).toBeGreaterThanOrEqual(70)
  // Some fifty seconds on two idle cores.
}, 400_000)
