import { expect, test } from 'vitest'
import type { HeadBlock } from '../../../src/rpc/live/blocks.ts'
import { PushedHeads } from '../../../src/rpc/live/pushedHeads.ts'
import type { NoticeSource } from '../../../src/rpc/live/socketConduct.ts'
import { inventedHash } from './support/liarWorld.ts'

const head = (number: number, branch = 1): HeadBlock => ({
  ...{
    number: BigInt(number),
    hash: inventedHash(branch, number),
    parentHash: inventedHash(branch, number - 1),
  },
  timestamp: 1,
})

function world(blockTimeMs: number) {
  let now = 1_000
  let newest = head(100)
  let faults = 0
  const heads = new PushedHeads(blockTimeMs, () => now)
  const source: NoticeSource = { host: 'a', fault: () => ++faults >= 10 }
  return {
    heads,
    source,
    pass: (ms: number) => {
      now += ms
    },
    faults: () => faults,
    /** A head is pushed and, if it is followed, joined to the chain. */
    push(block: HeadBlock, from = source) {
      const hearing = heads.hear(block, from, newest)
      const taken = heads.take()
      if (taken) newest = taken
      return hearing
    },
  }
}

test.each([250, 2_000, 12_000])(
  'every head of a chain with blocks of %i ms is followed for an hour',
  (ms) => {
    const { push, pass, faults } = world(ms)
    const hearings = new Set<string>()
    for (let n = 1; n * ms <= 3_600_000; n++) {
      pass(ms)
      hearings.add(push(head(100 + n)))
    }
    expect([...hearings]).toEqual(['take'])
    expect(faults()).toBe(0)
  },
)

test('fifty blocks at once are followed, be they new ones or another branch, and the next is asked about', () => {
  const { push } = world(1_000)
  const hearings = Array.from({ length: 25 }, (_, n) => push(head(101 + n)))
  const branch = Array.from({ length: 25 }, (_, n) => push(head(101 + n, 2)))
  expect(new Set([...hearings, ...branch])).toEqual(new Set(['take']))
  expect(push(head(126, 2))).toBe('ask')
})

test('T12: a head from the far future is asked about, and so is one that is far up in small steps', () => {
  const { push } = world(1_000)
  expect(push(head(1_000_000))).toBe('ask')
  const followed = Array.from({ length: 20 }, (_, n) => push(head(105 + 5 * n)))
  expect(followed.filter((each) => each === 'take')).toHaveLength(10)
})

test('the same head again costs nothing', () => {
  const { push } = world(1_000)
  push(head(101))
  for (let n = 0; n < 200; n++) expect(push(head(101))).toBe('ignore')
  expect(push(head(102))).toBe('take')
})

test('T12: an hour of silence allows no more than fifty at once', () => {
  const { push, pass } = world(1_000)
  pass(3_600_000)
  const hearings = Array.from({ length: 60 }, (_, n) => push(head(101 + n)))
  expect(hearings.filter((each) => each === 'take')).toHaveLength(50)
})

test('T12: who is doubted twice is charged for each further head, and dropped with the tenth', () => {
  const { heads, push, faults } = world(1_000)
  expect(push(head(5_000))).toBe('ask')
  heads.answered(false)
  expect(push(head(5_001))).toBe('ask')
  expect(heads.suspect).toBe(head(5_000).hash)
  expect(faults()).toBe(0)
  heads.answered(false)
  expect(heads.suspect).toBeUndefined()
  const hearings = Array.from({ length: 10 }, (_, n) => push(head(5_002 + n)))
  expect(hearings).toEqual([...Array(9).fill('ask'), 'dropped'])
})

test('endpoints that know it at the second look acquit it, and so does every later one', () => {
  const { heads, push, faults } = world(1_000)
  push(head(5_000))
  heads.answered(false)
  heads.answered(true)
  for (let n = 0; n < 100; n++) expect(push(head(5_001 + n))).toBe('ask')
  expect(faults()).toBe(0)
})

test('a doubted socket answers for itself, and not for the next one', () => {
  const { heads, push, faults } = world(1_000)
  push(head(5_000))
  heads.answered(false)
  heads.answered(false)
  const other: NoticeSource = { host: 'b', fault: () => expect.fail('the other one did nothing') }
  for (let n = 0; n < 100; n++) expect(push(head(5_001 + n), other)).toBe('ask')
  expect(faults()).toBe(0)
})
