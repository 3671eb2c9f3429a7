import { expect, it } from 'vitest'
import { pauseBefore } from '../../../src/transactions/following/pace.ts'

const START = Date.parse('2026-01-01T00:00:00.000Z')
const step = (state: 'sent' | 'unknown' | 'included', confirmations = 0) => ({
  state,
  confirmations,
  updated_at: '2026-01-01T00:00:00.000Z',
})
const ethereum = { blockTimeMs: 12_000, confirmations: 12 }
const arbitrum = { blockTimeMs: 250, confirmations: 20 }

it('looks a few times a block while a step waits for its block, and never more often than four times a second', () => {
  expect(pauseBefore(step('sent'), ethereum, START)).toBe(3_000)
  expect(pauseBefore(step('sent'), { ...ethereum, blockTimeMs: 2_000 }, START)).toBe(500)
  expect(pauseBefore(step('sent'), arbitrum, START)).toBe(250)
})

it('looks less often the longer nothing happens, and at least every 15 seconds', () => {
  expect(pauseBefore(step('unknown'), arbitrum, START + 20_000)).toBe(1_000)
  expect(pauseBefore(step('unknown'), arbitrum, START + 3_600_000)).toBe(15_000)
  expect(pauseBefore(step('sent'), ethereum, START + 120_000)).toBe(6_000)
})

it('waits for the blocks that are missing until it is final', () => {
  expect(pauseBefore(step('included', 1), ethereum, START)).toBe(15_000)
  expect(pauseBefore(step('included', 11), ethereum, START)).toBe(3_000)
  expect(pauseBefore(step('included', 12), ethereum, START)).toBe(3_000)
  expect(pauseBefore(step('included', 10), arbitrum, START)).toBe(625)
})

it('F20: a clock that was set back makes it look soon', () => {
  expect(pauseBefore(step('unknown'), arbitrum, START - 3_600_000)).toBe(250)
})
