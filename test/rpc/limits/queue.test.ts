import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { unattended } from '../../../src/primitives/abort.ts'
import type { MetricLabels, Metrics } from '../../../src/primitives/metrics.ts'
import { AdaptiveRate } from '../../../src/rpc/endpoint/adaptiveRate.ts'
import { bottleneckPlaces } from '../../../src/rpc/endpoint/bottleneckLimiter.ts'
import { QueuedLimiter } from '../../../src/rpc/endpoint/queuedLimiter.ts'
import { type Departures, leave, type Outcome } from './support/departures.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const never = unattended()
const limiterOf = (limit: number, metrics?: Metrics) =>
  new QueuedLimiter(bottleneckPlaces(limit), new AdaptiveRate(limit), {
    host: 'rpc.example',
    ...(metrics && { metrics }),
  })

/** Takes all places of the second that begins now. */
async function fill(limiter: QueuedLimiter, limit: number): Promise<void> {
  const filled = limiter.acquire(limit, never)
  await vi.advanceTimersByTimeAsync(10)
  expect(await filled).toBe(limit)
}

describe('B4: the line before a limit', () => {
  it('a caller that aborts is out of it at once, and its place goes to the next', async () => {
    const limiter = limiterOf(2)
    await fill(limiter, 2)
    const controller = new AbortController()
    const gone = limiter.acquire(2, controller.signal)
    const next = limiter.acquire(2, never)
    expect(limiter.report().waiting).toBe(4)
    controller.abort(new Error('the caller left'))
    await expect(gone).rejects.toThrow('the caller left')
    expect(limiter.report().waiting).toBe(2)
    await vi.advanceTimersByTimeAsync(1_040)
    expect(await next).toBe(2)
  })

  it('a signal that was aborted before takes no place', async () => {
    const limiter = limiterOf(1)
    await expect(limiter.acquire(1, AbortSignal.abort(new Error('before')))).rejects.toThrow('before')
    expect(limiter.report().waiting).toBe(0)
    await fill(limiter, 1)
  })

  it('after a thousand aborted waits the places are all there', async () => {
    const limiter = limiterOf(5)
    await fill(limiter, 5)
    for (let round = 0; round < 100; round++) {
      const controller = new AbortController()
      const waits = Array.from({ length: 10 }, () => limiter.acquire(3, controller.signal))
      await vi.advanceTimersByTimeAsync(3)
      controller.abort(new Error('gone'))
      await Promise.allSettled(waits)
    }
    await vi.advanceTimersByTimeAsync(2_000)
    await fill(limiter, 5)
  })

  it('a wait of more than ten seconds is refused at once, with the host and the wait', async () => {
    const counted: string[] = []
    const limiter = limiterOf(5, counter(counted))
    await fill(limiter, 5)
    const waiting = Array.from({ length: 45 }, () => limiter.acquire(1, never))
    await expect(limiter.acquire(1, never)).rejects.toMatchObject({
      code: 'provider_throttled',
      kind: 'provider',
      message: expect.stringMatching(/rpc\.example .* 11 s/),
      context: { host: 'rpc.example', retryAfterMs: 10_192 },
    })
    expect(counted).toEqual(['rpc_limit_refusals rpc.example'])
    await expect(limiterOf(5).acquire(51, never)).rejects.toMatchObject({ code: 'provider_throttled' })
    await vi.advanceTimersByTimeAsync(12_000)
    await Promise.all(waiting)
    expect(limiter.report()).toMatchObject({ waiting: 0 })
    await vi.advanceTimersByTimeAsync(1_020)
    expect(limiter.waitMs(5)).toBe(0)
  })

  it('a pause that the provider asked for counts as a wait, so that other endpoints are asked', async () => {
    const limiter = limiterOf(25)
    limiter.throttled(30_000)
    await expect(limiter.acquire(1, never)).rejects.toMatchObject({ code: 'provider_throttled' })
  })

  it('a batch of 500 holds up single calls for two seconds at most, and is not starved by them', async () => {
    const limiter = limiterOf(50)
    const big: Departures = []
    const waits: number[] = []
    const batch = leave(limiter, 500, big)
    for (let tick = 0; tick < 100; tick++) {
      const came = performance.now()
      void leave(limiter, 1, []).then(() => waits.push(performance.now() - came))
      await vi.advanceTimersByTimeAsync(100)
    }
    await vi.advanceTimersByTimeAsync(5_000)
    expect(waits).toHaveLength(100)
    expect(Math.max(...waits)).toBeLessThan(2_100)
    expect(await batch).toBe('all')
    // 500 and 100 calls at 50 a second: the batch gets what the single calls leave.
    expect(Math.max(...big)).toBeLessThan(Math.min(...big) + 12_600)
  })

  it('however many ask, everybody knows within ten seconds, and within twenty when a part has left', async () => {
    const limiter = limiterOf(5)
    const waits: { readonly outcome: Outcome; readonly calls: number; readonly ms: number }[] = []
    const ask = (calls: number) => {
      const came = performance.now()
      void leave(limiter, calls, []).then((outcome) =>
        waits.push({ outcome, calls, ms: performance.now() - came }),
      )
    }
    for (let caller = 0; caller < 120; caller++) {
      ask(1 + (caller % 5))
      await vi.advanceTimersByTimeAsync(20)
    }
    await vi.advanceTimersByTimeAsync(2_000)
    for (let caller = 0; caller < 120; caller++) ask(1)
    // The provider takes less and less meanwhile: what was admitted no longer fits.
    for (let refusals = 0; refusals < 3; refusals++) {
      limiter.throttled(500)
      await vi.advanceTimersByTimeAsync(4_000)
    }
    await vi.advanceTimersByTimeAsync(30_000)
    expect(waits).toHaveLength(240)
    const longest = (outcome: Outcome, begun: boolean) =>
      Math.max(
        ...waits.filter((each) => each.outcome === outcome && each.calls > 1 === begun).map(({ ms }) => ms),
      )
    expect(longest('busy', false)).toBeLessThan(11_500)
    expect(longest('all', false)).toBeLessThan(11_500)
    expect(longest('busy', true)).toBeLessThan(21_500)
    expect(longest('all', true)).toBeLessThan(21_500)
    expect(waits.filter(({ outcome }) => outcome === 'all').length).toBeGreaterThan(10)
  })

  it('a batch among more single calls than the limit passes gets through: who has waited for long goes first', async () => {
    const limiter = limiterOf(5)
    for (let call = 0; call < 20; call++) void leave(limiter, 1, [])
    const batch = leave(limiter, 20, [])
    for (let tick = 0; tick < 160; tick++) {
      void leave(limiter, 1, [])
      await vi.advanceTimersByTimeAsync(125)
    }
    expect(await batch).toBe('all')
  })

  it('batches take turns: a small one behind a large one does not wait for all of it', async () => {
    const limiter = limiterOf(20)
    const large = leave(limiter, 200, [])
    const small: Departures = []
    const began = performance.now()
    const done = leave(limiter, 10, small)
    await vi.advanceTimersByTimeAsync(2_500)
    expect(await done).toBe('all')
    expect(Math.max(...small) - began).toBeLessThan(2_200)
    await vi.advanceTimersByTimeAsync(12_000)
    expect(await large).toBe('all')
  })

  it('a signed payment goes before the reads that wait, and is not turned away with them', async () => {
    const limiter = limiterOf(5)
    await fill(limiter, 5)
    const order: string[] = []
    for (let read = 0; read < 60; read++) {
      void limiter.acquire(1, never).then(
        () => order.push('read'),
        () => order.push('refused'),
      )
    }
    void limiter.acquire(1, never, { urgent: true }).then(() => order.push('payment'))
    await vi.advanceTimersByTimeAsync(1_050)
    expect(order.filter((each) => each !== 'refused').slice(0, 2)).toEqual(['payment', 'read'])
  })

  it('closing ends the wait of everyone', async () => {
    const limiter = limiterOf(1)
    await fill(limiter, 1)
    const waiting = limiter.acquire(1, never)
    void limiter.close()
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
  })

  it('nobody goes on waiting when the provider wants nothing for longer than that', async () => {
    const limiter = limiterOf(4)
    await fill(limiter, 4)
    const waiting = [limiter.acquire(1, never), limiter.acquire(1, never, { urgent: true })]
    const refused = expect(Promise.any(waiting)).rejects.toMatchObject({
      errors: Array(2).fill(expect.objectContaining({ code: 'provider_throttled' })),
    })
    limiter.throttled(60_000)
    await vi.advanceTimersByTimeAsync(1_100)
    await refused
    expect(limiter.report().waiting).toBe(0)
    expect(limiter.waitMs(1)).toBeGreaterThan(50_000)
  })

  it('a refusal while places are waited for keeps everyone back for as long as it asks', async () => {
    const limiter = limiterOf(4)
    await fill(limiter, 4)
    const departures: Departures = []
    const began = performance.now()
    const done = leave(limiter, 4, departures)
    await vi.advanceTimersByTimeAsync(500)
    limiter.throttled(3_000)
    await vi.advanceTimersByTimeAsync(7_000)
    await done
    expect(Math.min(...departures) - began).toBeGreaterThanOrEqual(3_500)
    expect(limiter.report().current).toBe(2)
  })
})

function counter(counted: string[]): Metrics {
  const count = (name: string, { host }: MetricLabels) => void counted.push(`${name} ${host}`)
  return { count, gauge: () => undefined, observe: () => undefined }
}
