import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nextBaseFee } from '../../../src/evm/fees/baseFee.ts'
import { dipOf, forecast, trendOf, usualChange } from '../../../src/evm/fees/forecast.ts'

const GWEI = 1_000_000_000n
const RULE = { target: [1, 2], denominator: 8 } as const
const gwei = (...fees: number[]) => fees.map((fee) => BigInt(Math.round(fee * 1e9)))

describe('E1: base fees of the next six blocks', () => {
  it('E1: of a chain that does not move do not move', () => {
    const still = { low: 7n * GWEI, likely: 7n * GWEI, high: 7n * GWEI }
    expect(forecast(gwei(7, 7, 7, 7, 7, 7), RULE)).toEqual([still, still, still, still, still, still])
  })

  it('E1: after a rise, go on rising less and less sure; none is outside what full blocks could do', () => {
    const ranges = forecast(gwei(10, 10.5, 10, 10.5, 10, 11.25, 12.65625), RULE)
    expect(ranges.map(({ likely }) => likely)).toEqual([
      12_656_250_000n,
      12_107_955_937n,
      12_344_982_187n,
      12_620_812_500n,
      12_894_162_187n,
      13_105_572_187n,
    ])
    expect(ranges[1]).toEqual({ low: 11_074_218_750n, likely: 12_107_955_937n, high: 13_152_096_562n })
  })

  it('E1: a base fee that was low by chance comes back', () => {
    const [, second] = forecast(gwei(10, 10, 10, 10, 10, 10, 10, 10, 8.75), RULE)
    expect(second?.likely).toBe(8_990_660_000n)
  })

  it('E1: of a chain without base fees are zero', () => {
    const nothing = { low: 0n, likely: 0n, high: 0n }
    expect(forecast([0n, 0n, 0n], undefined)[5]).toEqual(nothing)
    expect(forecast([], RULE)[0]).toEqual(nothing)
  })

  const fees = fc.array(fc.bigInt({ min: 0n, max: 10n ** 24n }), { minLength: 1, maxLength: 21 })
  const parent = { gasLimit: 30_000_000n, extraData: '0x' }
  const afterEmpty = (baseFee: bigint) => nextBaseFee({ ...parent, baseFee, gasUsed: 0n }, RULE)
  const afterFull = (baseFee: bigint) => nextBaseFee({ ...parent, baseFee, gasUsed: 30_000_000n }, RULE)

  it('E1: begin with the next one, which is exact', () => {
    fc.assert(
      fc.property(fees, (recent) => {
        const next = recent.at(-1)
        expect(forecast(recent, RULE)[0]).toEqual({ low: next, likely: next, high: next })
      }),
    )
  })

  it('E1: are in order, and never outside what empty and full blocks make of the next one', () => {
    fc.assert(
      fc.property(fees, (recent) => {
        let [lowest, highest] = [recent.at(-1) ?? 0n, recent.at(-1) ?? 0n]
        for (const { low, likely, high } of forecast(recent, RULE)) {
          expect(low <= likely && likely <= high).toBe(true)
          expect(low >= lowest && high <= highest).toBe(true)
          ;[lowest, highest] = [afterEmpty(lowest), afterFull(highest)]
        }
      }),
    )
  })

  it('E1: never go below the least that the chain allows', () => {
    fc.assert(
      fc.property(fees, fc.bigInt({ min: 0n, max: 10n ** 24n }), (recent, least) => {
        const above = recent.map((fee) => fee + least)
        for (const { low } of forecast(above, { ...RULE, least: least.toString() })) {
          expect(low >= least).toBe(true)
        }
      }),
    )
  })

  it('E1: of fees a thousand times as high are a thousand times as high', () => {
    fc.assert(
      fc.property(
        fc.array(fc.bigInt({ min: GWEI, max: 10n ** 15n }), { minLength: 1, maxLength: 21 }),
        (recent) => {
          const [small, large] = [recent, recent.map((fee) => fee * 1_000n)].map(
            (each) => forecast(each, RULE)[3],
          )
          const difference = (large?.likely ?? 0n) - (small?.likely ?? 0n) * 1_000n
          expect(difference > -(10n ** 12n) && difference < 10n ** 12n).toBe(true)
        },
      ),
    )
  })
})

it('E1: the trend is against the mean of the window, one tenth away', () => {
  expect(trendOf([100n, 100n, 100n, 100n])).toBe('flat')
  expect(trendOf([100n, 100n, 100n, 125n])).toBe('rising')
  expect(trendOf([100n, 100n, 100n, 80n])).toBe('falling')
  expect(trendOf([100n, 100n, 100n, 110n])).toBe('flat')
  expect(trendOf([0n, 0n])).toBe('flat')
  expect(trendOf([])).toBe('flat')
})

it('E1: a dip is against the mean of five, the usual change from block to block; in millionths', () => {
  expect(dipOf([1n, 100n, 100n, 100n, 100n, 50n])).toBe(-444_444n)
  expect(dipOf([100n, 100n, 100n, 100n, 100n])).toBe(0n)
  expect(usualChange([100n, 110n, 99n])).toBe(100_000n)
  expect(usualChange([100n, 102n, 100n, 9_000n, 8_900n])).toBe(20_000n)
  expect(usualChange([100n])).toBe(0n)
})
