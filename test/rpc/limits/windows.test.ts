import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AdaptiveRate } from '../../../src/rpc/endpoint/adaptiveRate.ts'
import { bottleneckPlaces } from '../../../src/rpc/endpoint/bottleneckLimiter.ts'
import { bucketPlaces } from '../../../src/rpc/endpoint/bucketLimiter.ts'
import { QueuedLimiter } from '../../../src/rpc/endpoint/queuedLimiter.ts'
import type { RateLimiter } from '../../../src/rpc/endpoint/rateLimiter.ts'
import { busiestSecond, type Departures, leave, type Outcome } from './support/departures.ts'

// Timers, Date and performance are moved by the test: minutes of load pass in milliseconds, and nothing but the
// limiter decides when a call leaves.
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Arrival {
  readonly afterMs: number
  readonly calls: number
  readonly abortAfterMs: number | undefined
  readonly refusedAfterMs: number | undefined
}

const arrivals = (most: number) =>
  fc.array(
    fc.record({
      afterMs: fc.oneof(fc.constant(0), fc.nat(40), fc.nat(1_500)),
      calls: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: most })),
      abortAfterMs: fc.option(fc.nat(1_200), { nil: undefined, freq: 3 }),
      refusedAfterMs: fc.option(fc.nat(800), { nil: undefined, freq: 25 }),
    }),
    { minLength: 1, maxLength: 60 },
  )

const limiterOf = {
  bottleneck: (limit: number) => limiter(limit, bottleneckPlaces(limit)),
  bucket: (limit: number) => limiter(limit, bucketPlaces()),
}

function limiter(limit: number, places: ReturnType<typeof bottleneckPlaces>): RateLimiter {
  return new QueuedLimiter(places, new AdaptiveRate(limit), { host: 'rpc.example' })
}

/** Lets the arrivals come, with their aborts and the provider's refusals, until all of them are settled. */
async function live(limiter: RateLimiter, script: readonly Arrival[]) {
  const departures: Departures = []
  const outcomes: Promise<Outcome>[] = []
  let settled = 0
  const began = performance.now()
  for (const { afterMs, calls, abortAfterMs, refusedAfterMs } of script) {
    await vi.advanceTimersByTimeAsync(afterMs)
    const controller = new AbortController()
    if (abortAfterMs !== undefined) setTimeout(() => controller.abort(new Error('gone')), abortAfterMs)
    if (refusedAfterMs !== undefined) setTimeout(() => limiter.throttled(undefined), refusedAfterMs)
    const outcome = leave(limiter, calls, departures, controller.signal)
    outcomes.push(outcome)
    void outcome.finally(() => settled++)
  }
  for (let waited = 0; settled < outcomes.length; waited += 100) {
    if (waited > 600_000) throw new Error(`${outcomes.length - settled} requests never left`)
    await vi.advanceTimersByTimeAsync(100)
  }
  return { departures, outcomes: await Promise.all(outcomes), seconds: (performance.now() - began) / 1000 }
}

describe.each([
  { kind: 'bottleneck', limits: { min: 1, max: 200 }, most: 60, loaded: [1, 5, 25, 150] },
  { kind: 'bucket', limits: { min: 1, max: 3_000 }, most: 800, loaded: [250, 1_000, 3_000] },
] as const)('B4: $kind', ({ kind, limits, most, loaded }) => {
  it('never lets more than the limit leave in any second, with batches, aborts and refusals, and loses nobody', async () => {
    let looked = 0
    await fc.assert(
      fc.asyncProperty(fc.integer(limits), arrivals(most), async (limit, script) => {
        const { departures, outcomes } = await live(limiterOf[kind](limit), script)
        expect(busiestSecond(departures)).toBeLessThanOrEqual(limit)
        for (const [index, outcome] of outcomes.entries()) {
          if (outcome === 'aborted') expect(script[index]?.abortAfterMs).toBeDefined()
        }
        looked += departures.length
      }),
      { numRuns: 60 },
    )
    expect(looked).toBeGreaterThan(500)
  }, 120_000)

  it.each(loaded)('passes at least nine tenths of a limit of %i under load', async (limit) => {
    const limiter = limiterOf[kind](limit)
    const departures: Departures = []
    const until = performance.now() + 10_000
    const callers = Array.from({ length: 2 * limit }, async () => {
      while (performance.now() < until) expect(await leave(limiter, 1, departures)).toBe('all')
    })
    await vi.advanceTimersByTimeAsync(15_000)
    await Promise.all(callers)
    expect(busiestSecond(departures)).toBeLessThanOrEqual(limit)
    // Whoever has come in those ten seconds is served after them as well.
    const within = departures.filter((time) => time < until).length
    expect(within).toBeGreaterThanOrEqual(limit * 9)
  })

  it('gives the whole rate at once to a burst that comes after quiet', async () => {
    const departures: Departures = []
    const done = leave(limiterOf[kind](25), 25, departures)
    await vi.advanceTimersByTimeAsync(20)
    expect(departures).toHaveLength(25)
    expect(await done).toBe('all')
  })
})

describe('F20', () => {
  it('a clock that is set back or forward by hours neither shuts a limiter nor opens it twice', async () => {
    const limiter = limiterOf.bottleneck(10)
    const departures: Departures = []
    limiter.throttled(500)
    for (const hours of [-2, 2, -48]) {
      vi.setSystemTime(Date.now() + hours * 3_600_000)
      const done = Promise.all(Array.from({ length: 20 }, () => leave(limiter, 1, departures)))
      await vi.advanceTimersByTimeAsync(8_000)
      await done
    }
    expect(departures).toHaveLength(60)
    expect(busiestSecond(departures)).toBeLessThanOrEqual(10)
  })
})
