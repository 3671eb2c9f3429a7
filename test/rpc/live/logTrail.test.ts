import { expect, test } from 'vitest'
import type { LogEvent } from '../../../src/rpc/live/logEvents.ts'
import { LogTrail } from '../../../src/rpc/live/logTrail.ts'
import { RangeSpan } from '../../../src/rpc/live/rangeSpan.ts'

const point = (number: number) => ({ number: BigInt(number), hash: `h${number}` })
const event = (number: number, logIndex: number): LogEvent => ({
  address: '0xa',
  topics: [],
  data: '0x',
  blockNumber: BigInt(number),
  blockHash: `h${number}`,
  transactionHash: `t${logIndex}`,
  transactionIndex: 0,
  logIndex,
})

test('a cursor names blocks ever wider apart, and where it began while nothing is forgotten', () => {
  const trail = LogTrail.beginningAt(100n)
  for (let n = 100; n < 120; n++) trail.tell([point(n)], [])
  expect(trail.cursor()).toEqual({
    next: '120',
    from: '100',
    seen: [119, 118, 116, 112, 104].map((number) => ({ number: `${number}`, hash: `h${number}` })),
  })
  expect(LogTrail.resumedAt(trail.cursor()).cursor()).toMatchObject({ next: '120', from: '100' })
})

test('what is withdrawn comes in the order in which it was told', () => {
  const trail = LogTrail.beginningAt(1n)
  for (let n = 1; n <= 5; n++) trail.tell([point(n)], [event(n, 0), event(n, 1)])
  const withdrawn = trail.withdrawTo(point(3))
  expect(withdrawn?.map(({ blockNumber, logIndex }) => [blockNumber, logIndex])).toEqual([
    [4n, 0],
    [4n, 1],
    [5n, 0],
    [5n, 1],
  ])
  expect(trail.next).toBe(4n)
  expect(trail.withdrawTo(undefined)).toHaveLength(6)
  expect(trail.next).toBe(1n)
})

test('memory is bounded, by blocks and by events; then the beginning is no longer known', () => {
  const trail = LogTrail.beginningAt(0n)
  for (let n = 0; n < 10_000; n++) trail.tell([point(n)], [])
  expect(trail.points).toHaveLength(256)
  expect(trail.cursor().seen).toHaveLength(9)
  expect(trail.cursor().from).toBeUndefined()
  expect(trail.withdrawTo(undefined)).toBeUndefined()

  const busy = LogTrail.beginningAt(0n)
  for (let n = 0; n < 50; n++) {
    const logs = Array.from({ length: 1_000 }, (_, index) => event(n, index))
    busy.tell([point(n)], logs)
  }
  expect(busy.points).toHaveLength(20)
})

test('a range is halved when it is refused, and does not run into the same refusal each time it has grown', () => {
  const span = new RangeSpan(1_000)
  /** A provider that takes 100 blocks. */
  const answers = Array.from({ length: 200 }, () => {
    const asked = span.size
    if (asked > 100) span.refused(asked)
    else span.accepted()
    return asked
  })
  expect(answers.slice(0, 6)).toEqual([1_000, 500, 250, 125, 62, 62])
  expect(answers.filter((asked) => asked > 100).length).toBeLessThan(20)
  expect(Math.min(...answers)).toBe(62)
  span.failed()
  span.failed()
  expect(span.size).toBe(15)
  span.accepted()
  span.accepted()
  expect(span.size).toBe(60)
  for (let n = 0; n < 10; n++) span.refused(span.size)
  expect(span.size).toBe(1)
})
