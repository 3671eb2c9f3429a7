import { describe, expect, it } from 'vitest'
import { newestBlockOf } from '../../../src/evm/fees/feeHistory.ts'
import { readFees } from '../../../src/evm/fees/readFees.ts'

const block = { number: '100', hash: `0x${'ab'.repeat(32)}`, timestamp: 1 }
const GWEI = 1_000_000_000
const hex = (value: number) => `0x${value.toString(16)}`
const history = (baseFees: number[], tips: number[][], fullness: number[]) =>
  readFees(
    {
      oldestBlock: '0x61',
      baseFeePerGas: baseFees.map(hex),
      reward: tips.map((row) => row.map(hex)),
      gasUsedRatio: fullness,
    },
    block,
    'host',
  )

describe('D4: fees from a fee history', () => {
  it('D4: tips are medians of what was paid, ceilings leave room over the next base fee', () => {
    const tips = [
      [GWEI, 2 * GWEI, 3 * GWEI],
      [3 * GWEI, 4 * GWEI, 9 * GWEI],
      [2 * GWEI, 3 * GWEI, 5 * GWEI],
    ]
    expect(history([9 * GWEI, 10 * GWEI, 10 * GWEI, 10 * GWEI], tips, [0.5, 0.5, 0.5])).toEqual({
      block,
      baseFee: 10_000_000_000n,
      nextBaseFee: 10_000_000_000n,
      congestion: 'medium',
      trend: 'flat',
      tiers: {
        slow: { maxFeePerGas: '14500000000', maxPriorityFeePerGas: '2000000000' },
        standard: { maxFeePerGas: '23000000000', maxPriorityFeePerGas: '3000000000' },
        fast: { maxFeePerGas: '35000000000', maxPriorityFeePerGas: '5000000000' },
      },
    })
  })

  it('D4: empty blocks paid no tip, so the floors are enough', () => {
    const none = [0, 0, 0]
    expect(history([7, 7, 7], [none, none], [0, 0]).tiers).toEqual({
      slow: { maxFeePerGas: '1000008', maxPriorityFeePerGas: '1000000' },
      standard: { maxFeePerGas: '10000014', maxPriorityFeePerGas: '10000000' },
      fast: { maxFeePerGas: '100000021', maxPriorityFeePerGas: '100000000' },
    })
  })

  it('D4: a chain without base fees and a node without rewards still get terms', () => {
    expect(
      readFees({ oldestBlock: '0x0', baseFeePerGas: ['0x0', '0x0'], gasUsedRatio: [0] }, block, 'host'),
    ).toMatchObject({
      baseFee: 0n,
      nextBaseFee: 0n,
      tiers: { slow: { maxFeePerGas: '1000000', maxPriorityFeePerGas: '1000000' } },
    })
  })

  it('D4: the trend is against the mean of the window, one tenth away', () => {
    const trend = (...fees: number[]) =>
      history(
        fees,
        [],
        fees.slice(1).map(() => 0.5),
      ).trend
    expect(trend(100, 100, 100, 100)).toBe('flat')
    expect(trend(100, 100, 100, 125)).toBe('rising')
    expect(trend(100, 100, 100, 80)).toBe('falling')
    expect(trend(0, 0)).toBe('flat')
  })

  it('D4: congestion is the mean fullness of the last five blocks', () => {
    const congestion = (...fullness: number[]) => history([1, 1], [], fullness).congestion
    expect(congestion(1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1)).toBe('low')
    expect(congestion(0.4)).toBe('medium')
    expect(congestion(0.79)).toBe('medium')
    expect(congestion(0.8)).toBe('high')
    expect(congestion()).toBe('low')
  })

  it('R12: says which block it reaches to', () => {
    expect(newestBlockOf({ oldestBlock: '0x61', gasUsedRatio: [0, 0, 0, 0] }, 'host')).toBe(100n)
  })

  it.each([
    ['no object', null],
    ['no base fees', { gasUsedRatio: [] }],
    ['a number for a base fee', { baseFeePerGas: [1], gasUsedRatio: [] }],
    ['a negative base fee', { baseFeePerGas: ['-0x1'], gasUsedRatio: [] }],
    ['rewards that are no lists', { baseFeePerGas: ['0x1'], reward: ['0x1'] }],
    ['a base fee of more than 256 bits', { baseFeePerGas: [`0x1${'0'.repeat(64)}`] }],
  ])('F17: %s is provider_garbage', (_name, answer) => {
    expect(() => readFees(answer, block, 'host')).toThrow(
      expect.objectContaining({ code: 'provider_garbage' }),
    )
  })
})
