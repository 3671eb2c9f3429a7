import { describe, expect, it } from 'vitest'
import type { GasUse } from '../../../src/chains/gasUses.ts'
import type { EvmHead } from '../../../src/evm/reads/blocks.ts'
import {
  lessonsOf,
  limitOf,
  limitWithoutEstimate,
  NO_LESSONS,
} from '../../../src/evm/simulation/learnedGas.ts'

const head = (gasLimit: bigint) => ({ gasLimit }) as EvmHead
const BLOCK = head(30_000_000n)
const uses = (count: number, gasUsed: bigint, gasLimit = gasUsed * 2n, succeeded = true): GasUse[] =>
  Array.from({ length: count }, () => ({ gasUsed, gasLimit, succeeded }))

describe('E2: a limit by estimate and by what was learnt', () => {
  it('covers what a use needed before its refund, a quarter more, but no more than it had', () => {
    expect(lessonsOf(uses(1, 80_000n, 200_000n)).floor).toBe(100_000n)
    expect(lessonsOf(uses(1, 80_000n, 90_000n)).floor).toBe(90_000n)
    expect(lessonsOf([...uses(1, 40_000n), ...uses(1, 80_001n)]).floor).toBe(100_002n)
  })

  it('is never above what a block holds, nor above what EIP-7825 lets a transaction ask for', () => {
    const { gasLimit } = limitOf(600_000n, lessonsOf(uses(1, 900_000n)), head(1_000_000n))
    expect(gasLimit).toBe(1_000_000n)
    const large = lessonsOf(uses(1, 16_000_000n, 16_777_216n))
    expect(limitOf(12_000_000n, large, BLOCK).gasLimit).toBe(16_777_216n)
  })

  it('is never above twice the estimate: what used much once does not hold the balance back for good', () => {
    expect(limitOf(100_000n, lessonsOf(uses(1, 900_000n)), BLOCK)).toEqual({
      gasLimit: 200_000n,
      basis: { source: 'learned', confidence: 'low' },
    })
  })

  it('is what the estimate says where floors are lower, and surest of what is alike', () => {
    const alike = lessonsOf([...uses(5, 50_000n), ...uses(5, 75_000n)])
    expect(limitOf(100_000n, alike, BLOCK)).toEqual({
      gasLimit: 120_000n,
      basis: { source: 'estimate', confidence: 'high' },
    })
    const unlike = lessonsOf([...uses(5, 50_000n), ...uses(5, 75_001n)])
    expect(limitOf(100_000n, unlike, BLOCK).basis.confidence).toBe('medium')
    expect(limitOf(100_000n, NO_LESSONS, BLOCK).basis.confidence).toBe('medium')
    expect(limitOf(21_000n, NO_LESSONS, BLOCK).basis.confidence).toBe('high')
  })

  it('tells a call that ran out of gas from one that reverted by itself', () => {
    expect(lessonsOf(uses(1, 98_437n, 100_000n, false)).ranOut).toBe(false)
    expect(lessonsOf(uses(1, 98_438n, 100_000n, false)).ranOut).toBe(true)
    expect(lessonsOf(uses(1, 100_000n, 100_000n, true)).ranOut).toBe(false)
  })
})

describe('E2: a limit where no node estimates', () => {
  it('is the floor and a fifth, of five uses that are alike', () => {
    expect(limitWithoutEstimate(lessonsOf(uses(5, 80_000n)), BLOCK)).toEqual({
      gasLimit: 120_000n,
      basis: { source: 'learned', confidence: 'low' },
    })
    expect(limitWithoutEstimate(lessonsOf(uses(10, 80_000n)), BLOCK)?.basis.confidence).toBe('medium')
  })

  it.each([
    ['too few', uses(4, 80_000n)],
    ['not alike', [...uses(5, 80_000n), ...uses(1, 130_000n)]],
    ['not enough any more: one ran out', [...uses(5, 80_000n), ...uses(1, 160_000n, 160_000n, false)]],
    ['more than a block holds', uses(5, 30_000_000n)],
    ['of calls that reverted', uses(5, 80_000n, 160_000n, false)],
  ])('is none where uses are %s', (_what, known) => {
    expect(limitWithoutEstimate(lessonsOf(known), BLOCK)).toBeUndefined()
  })
})
