import { expect, test } from 'vitest'
import { Member } from '../../src/rpc/pool/member.ts'
import { PlausibleHeads } from '../../src/rpc/pool/plausibleHeads.ts'

const BLOCK_MS = 2_000
let now = 0
let uptime = 0
let heads: PlausibleHeads

/** Members that are never asked anything, and what is made of their claims. */
function pool(count: number) {
  now = 1_000_000
  uptime = 0
  const transport = { host: 'node.example', close: async () => undefined, send: async () => [] }
  const members = Array.from({ length: count }, () => new Member({ transport, priority: 0, weight: 1 }))
  const clocks = [() => now, () => uptime] as const
  heads = new PlausibleHeads(members, 5n, BLOCK_MS, ...clocks)
  const claim = (index: number, head: bigint, time?: number) =>
    heads.note(members[index] as Member, head, time)
  return { members, claim }
}

test('T12: a chain may grow five times as fast as its blocks come, and by a little more', () => {
  const { members, claim } = pool(2)
  expect(claim(0, 1_000n)).toBe(true)
  now += 10 * BLOCK_MS
  expect(claim(1, 1_000n + 50n + 5n + 50n + 1n)).toBe(false)
  expect(members[1]).toMatchObject({ doubted: true, head: undefined })
  expect(claim(1, 1_000n + 50n + 5n + 50n)).toBe(true)
  expect(members[1]).toMatchObject({ doubted: false, head: 1_105n })
})

test('F20: time that passed while the machine slept counts, and a clock set back does not stop the chain', () => {
  const { claim } = pool(2)
  claim(0, 1_000n)
  now += 3_600_000
  expect(claim(0, 2_800n)).toBe(true)
  now -= 7_200_000
  expect(claim(0, 4_600n)).toBe(true)
})

test('T12: a leap counts once a second endpoint makes it', () => {
  const { members, claim } = pool(3)
  claim(0, 1_000n)
  expect(claim(1, 9_000n)).toBe(false)
  expect(claim(2, 8_990n)).toBe(false)
  expect(claim(2, 8_995n)).toBe(true)
  expect(members[2]?.head).toBe(8_995n)
})

test('B2: one that had stopped long before the start is no measure for one that has not', () => {
  const { members, claim } = pool(2)
  expect(claim(0, 1_000n)).toBe(true)
  expect(claim(1, 9_000n, now - 2_000)).toBe(false)
  // Its newest block is an hour old.
  claim(0, 1_000n, now - 3_600_000)
  expect(claim(1, 9_000n, now - 2_000)).toBe(true)
  claim(0, 1_000n)
  expect(members[0]?.lags(9_000n, 5n)).toBe(true)
  expect(members[1]).toMatchObject({ doubted: false, head: 9_000n })
})

test('T12: a leap without a time, or beside one whose newest block is new, is not believed', () => {
  const { claim } = pool(2)
  claim(0, 1_000n, now - 3_600_000)
  expect(claim(1, 9_000n)).toBe(false)
  expect(claim(1, 9_000n, now + 3_600_000)).toBe(false)
  claim(0, 1_001n, now - 2_000)
  expect(claim(1, 9_000n, now)).toBe(false)
})

test('T12: the first who speaks is not believed against two who agree', () => {
  const { members, claim } = pool(3)
  expect(claim(0, 1_000_000n)).toBe(true)
  expect(claim(1, 1_000n)).toBe(false)
  expect(heads.isBehind(1_000n)).toBe(true)
  expect(claim(2, 1_003n)).toBe(true)
  expect(members.map(({ head, doubted }) => [head, doubted])).toEqual([
    [undefined, true],
    [1_000n, false],
    [1_003n, false],
  ])
  expect(heads.isBehind(1_000n)).toBe(false)
  expect(claim(0, 1_000_001n)).toBe(false)
})

test('T12: where two agree, the chain is where the one that is ahead of the other says', () => {
  const { claim } = pool(3)
  claim(0, 1_000_000n)
  claim(1, 1_003n)
  expect(claim(2, 1_000n)).toBe(true)
  expect([heads.isBehind(998n), heads.isBehind(997n)]).toEqual([false, true])
})

test('F19: two who agree on an old block do not outvote one that is a few blocks ahead', () => {
  const { members, claim } = pool(3)
  claim(0, 1_055n)
  claim(1, 1_000n)
  claim(2, 1_000n)
  expect(members[0]).toMatchObject({ head: 1_055n, doubted: false })
  expect(heads.isBehind(1_000n)).toBe(true)
})

test('B2: one endpoint alone has to be believed', () => {
  const { claim } = pool(1)
  claim(0, 1_000n)
  expect(claim(0, 9_000_000n)).toBe(true)
})

test('F19: an older block is no news', () => {
  const { members, claim } = pool(2)
  expect(claim(0, 1_000n)).toBe(true)
  expect(claim(1, 999n)).toBe(false)
  expect(members[1]).toMatchObject({ head: 999n, doubted: false })
})

test('F19: what was told is remembered although the endpoint that told it has gone back', () => {
  const { members, claim } = pool(2)
  claim(0, 1_000n)
  claim(0, 900n)
  expect(heads.isBehind(994n)).toBe(true)
  expect(heads.isBehind(995n)).toBe(false)
  // Everybody says so: it is the chain.
  expect(claim(1, 910n)).toBe(true)
  expect(heads.isBehind(906n)).toBe(false)
  expect(members.map(({ head }) => head)).toEqual([900n, 910n])
})

test('R13: an endpoint of another chain does not keep the chain from having gone back', () => {
  const { members, claim } = pool(2)
  claim(0, 1_000n)
  claim(1, 1_000n)
  Object.assign(members[0] as Member, { problem: 'provider_wrong_chain' })
  expect(claim(1, 900n)).toBe(true)
  expect(heads.isBehind(896n)).toBe(false)
})

test('F17: an endpoint has stopped when its block stays the same for a minute while the chain goes on', () => {
  const { members, claim } = pool(2)
  const stopped = () => members.map((member) => heads.hasStopped(member))
  claim(0, 1_000n)
  claim(1, 1_000n)
  uptime += 60_000
  claim(0, 1_006n)
  expect(stopped()).toEqual([false, false])
  uptime += 1
  expect(stopped()).toEqual([false, true])
  claim(1, 1_001n)
  // Within the lag that is nobody's fault; and it goes on.
  expect(stopped()).toEqual([false, false])
  uptime += 60_001
  claim(0, 1_007n)
  expect(stopped()).toEqual([false, true])
})

test('T12: two who stand still together outweigh one who goes on: the chain may have halted', () => {
  const { members, claim } = pool(3)
  for (const index of [0, 1, 2]) claim(index, 1_000n)
  uptime += 3_600_000
  claim(0, 1_040n)
  claim(1, 1_000n)
  expect(members.map((member) => heads.hasStopped(member))).toEqual([false, false, false])
  claim(2, 1_041n)
  expect(members.map((member) => heads.hasStopped(member))).toEqual([false, true, false])
})
