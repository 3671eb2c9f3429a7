import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type RedisServer, startRedisServer } from '../../support/redisServer.ts'
import { type Caller, type CallerProgram, callerProgram } from './support/callers.ts'
import { busiestSecond } from './support/departures.ts'

// Real processes, real Redis, real time: what is counted is when calls left, by the machine's one clock. The load
// is a stretch of time, so these tests wait for time to pass and for nothing else.
let program: CallerProgram
let server: RedisServer
let callers: Caller[]
beforeAll(async () => {
  program = await callerProgram()
})
afterAll(() => program.remove())
beforeEach(async () => {
  server = await startRedisServer()
  callers = []
})
afterEach(async () => {
  await Promise.all(callers.map((caller) => caller.kill()))
  await server.stop()
})

async function start(count: number, perSecond: number, atATime = 20): Promise<readonly Caller[]> {
  const started = Array.from({ length: count }, () => program.start(server.url, perSecond, atATime))
  callers.push(...started)
  await Promise.all(started.map((caller) => caller.begun))
  return started
}

const all = (some: readonly Caller[]) => some.flatMap((caller) => caller.departures)
const between = (times: readonly number[], from: number, to: number) =>
  times.filter((time) => time >= from && time < to).length

describe('B4: processes that share a limit through Redis', () => {
  it.each([
    [2, 1],
    [2, 25],
    [3, 600],
  ])(
    '%i processes never send more than %i together in any second, and no process is starved',
    async (count, limit) => {
      const started = await start(count, limit)
      const from = Date.now()
      await delay(6_000)
      const to = Date.now()
      await Promise.all(started.map((caller) => caller.stop()))

      const departures = all(started)
      expect(busiestSecond(departures)).toBeLessThanOrEqual(limit)
      // How close it comes to the limit is a figure (bench/limiter); on a busy machine calls pass all the same.
      expect(between(departures, from, to)).toBeGreaterThanOrEqual(limit * 6 * 0.5)
      for (const { departures: own, complaints } of started) {
        expect(complaints).toBe('')
        if (limit > 1) expect(own.length).toBeGreaterThan(departures.length / count / 4)
      }
    },
  )

  it('what a killed process held is free again within a second', async () => {
    const [victim, survivor] = await start(2, 25)
    if (!victim || !survivor) throw new Error('two were started')
    await delay(2_000)
    await victim.kill()
    const killed = Date.now()
    await delay(4_000)
    await survivor.stop()

    expect(busiestSecond(all([victim, survivor]))).toBeLessThanOrEqual(25)
    expect(between(survivor.departures, killed + 1_200, killed + 3_700)).toBeGreaterThanOrEqual(50)
    expect(survivor.complaints).toBe('')
  })

  it('F13: Redis killed and restarted under load: shares while it is away, the limit in every second', async () => {
    const started = await start(2, 24)
    await delay(2_000)
    await server.kill()
    const lost = Date.now()
    await delay(3_500)
    await server.restart()
    const back = Date.now()
    await delay(8_000)
    const end = Date.now()
    await Promise.all(started.map((caller) => caller.stop()))

    const departures = all(started)
    expect(busiestSecond(departures)).toBeLessThanOrEqual(24)
    for (const { departures: own, complaints } of started) {
      expect(complaints).toBe('')
      expect(between(own, lost + 1_100, back)).toBeGreaterThanOrEqual(20)
      expect(busiestSecond(own.filter((time) => time >= lost + 100 && time < back))).toBeLessThanOrEqual(12)
    }
    expect(between(departures, back + 4_500, end)).toBeGreaterThanOrEqual(24)
  })
})
