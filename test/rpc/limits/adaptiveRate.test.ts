import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AdaptiveRate } from '../../../src/rpc/endpoint/adaptiveRate.ts'
import { testClock } from '../../support/testClock.ts'

describe('B4: the rate after a refusal', () => {
  it('is halved, rests a second, and grows by a tenth of the limit for each five seconds of quiet', () => {
    const clock = testClock()
    const rate = new AdaptiveRate(20, clock)
    rate.refused(undefined)
    expect([rate.current, rate.pauseMs]).toEqual([10, 1_000])
    clock.advance(1_000)
    expect(rate.pauseMs).toBe(0)
    const seen: number[] = []
    for (let step = 0; step < 7; step++) {
      clock.advance(5_000)
      seen.push(rate.current)
    }
    expect(seen).toEqual([12, 14, 16, 18, 20, 20, 20])
  })

  it('rests for as long as Retry-After says, at most a minute', () => {
    const clock = testClock()
    const rate = new AdaptiveRate(20, clock)
    rate.refused(7_000)
    expect(rate.pauseMs).toBe(7_000)
    rate.refused(2_000)
    expect(rate.pauseMs).toBe(7_000)
    rate.refused(86_400_000)
    expect(rate.pauseMs).toBe(60_000)
  })

  it('is not halved again by a late refusal while nothing may be sent', () => {
    const clock = testClock()
    const rate = new AdaptiveRate(20, clock)
    rate.refused(7_000)
    clock.advance(3_000)
    rate.refused(undefined)
    expect([rate.current, rate.pauseMs]).toEqual([10, 4_000])
  })

  it('counts the refusals of calls that left together as one', () => {
    const clock = testClock()
    const rate = new AdaptiveRate(100, clock)
    for (let call = 0; call < 40; call++) rate.refused(200)
    clock.advance(300)
    for (let call = 0; call < 40; call++) rate.refused(200)
    expect(rate.current).toBe(50)
    clock.advance(1_000)
    rate.refused(200)
    expect(rate.current).toBe(25)
  })

  it('takes over what another process was told, and never more', () => {
    const clock = testClock()
    const rate = new AdaptiveRate(25, clock)
    rate.adopt(40)
    expect(rate.current).toBe(25)
    rate.adopt(6)
    expect(rate.current).toBe(6)
    rate.adopt(9)
    expect(rate.current).toBe(6)
    rate.adopt(0)
    expect(rate.current).toBe(1)
  })

  it('is always a whole number from one to the limit, and comes back to the limit', () => {
    const event = fc.oneof(
      fc.record({ refused: fc.option(fc.nat(90_000), { nil: undefined }) }),
      fc.record({ adopt: fc.integer({ min: -5, max: 500 }) }),
      fc.record({ wait: fc.nat(20_000) }),
    )
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.array(event, { maxLength: 60 }), (limit, events) => {
        const clock = testClock()
        const rate = new AdaptiveRate(limit, clock)
        for (const each of events) {
          if ('refused' in each) rate.refused(each.refused)
          else if ('adopt' in each) rate.adopt(each.adopt)
          else clock.advance(each.wait)
          expect(Number.isInteger(rate.current)).toBe(true)
          expect(rate.current).toBeGreaterThanOrEqual(1)
          expect(rate.current).toBeLessThanOrEqual(limit)
          expect(rate.pauseMs).toBeLessThanOrEqual(60_000)
        }
        clock.advance(160_000)
        expect([rate.current, rate.pauseMs]).toEqual([limit, 0])
      }),
    )
  })
})
