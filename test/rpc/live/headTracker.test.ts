import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { BlockReader } from '../../../src/rpc/live/blockReader.ts'
import type { HeadEvent } from '../../../src/rpc/live/headChanges.ts'
import { type HeadTiming, HeadTracker } from '../../../src/rpc/live/headTracker.ts'
import type { SocketConnection } from '../../../src/rpc/live/socketConnection.ts'
import { chain, collect, countingMetrics, type LiveWorld, startLiveWorld } from './support/liveWorld.ts'

let world: LiveWorld
const running: AbortController[] = []
beforeAll(async () => {
  world = await startLiveWorld()
})
afterEach(async () => {
  for (const each of running.splice(0)) each.abort()
  await world.closeSockets()
  world.ws.heal()
  world.ws.cutAfter(undefined)
  world.http.reset()
})
afterAll(() => world.stop())

const until = { timeout: 15_000, interval: 10 }
/** Nothing is looked up unless a test waits for it. */
const PUSH_ONLY: HeadTiming = { pollMs: 3_600_000, lookMs: 3_600_000 }
const POLLING: HeadTiming = { pollMs: 20, lookMs: 3_600_000 }

function track(timing: HeadTiming, socket?: SocketConnection) {
  const metrics = countingMetrics()
  const stop = new AbortController()
  running.push(stop)
  const reader = new BlockReader(world.client, socket)
  const tracker = new HeadTracker({
    chain,
    reader,
    socket,
    timing,
    polls: () => true,
    metrics,
    logger: silentLogger,
  })
  void tracker.run(stop.signal)
  socket?.start()
  return { tracker, metrics, stop, ...collect(tracker.events(stop.signal)) }
}

const heads = (events: readonly HeadEvent[]) =>
  events.flatMap((event) => (event.kind === 'head' ? [Number(event.block.number)] : []))

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index)

async function hashAt(number: number | bigint): Promise<string> {
  const found = await world.ask<{ hash: string }>('eth_getBlockByNumber', `0x${number.toString(16)}`, false)
  return found.hash
}

test('B6: heads come once each and in order while the socket is cut at random, 25 times', async () => {
  const socket = world.socket()
  const { items, metrics } = track(POLLING, socket)
  await expect.poll(() => socket.live && items.length > 0, until).toBe(true)
  const start = Number(await world.height())
  const before = world.ws.accepted
  // A few frames at most between two cuts, and most cuts in the middle of one.
  world.ws.cutAfter(() => 200 + Math.floor(Math.random() * 4_000))
  let mined = start
  while (world.ws.accepted - before < 25) {
    await world.mine(1 + Math.floor(Math.random() * 5))
    mined = Number(await world.height())
    await expect.poll(() => heads(items).at(-1), until).toBe(mined)
  }
  expect(heads(items)).toEqual(range(start, mined))
  expect(items.every(({ kind }) => kind === 'head')).toBe(true)
  expect(metrics.total('rpc_reorgs')).toBe(0)
})

test('a block pushed over the socket costs no call', async () => {
  const socket = world.socket()
  const { items, tracker } = track(PUSH_ONLY, socket)
  await expect.poll(() => tracker.following === 'socket' && items.length === 1, until).toBe(true)
  const start = Number(await world.height())
  // A subscription that begins has the newest block looked at once more: after this look that is over.
  const now = performance.now()
  tracker.look()
  await expect.poll(() => tracker.lookedAt, until).toBeGreaterThanOrEqual(now)
  world.http.reset()
  for (let n = 1; n <= 5; n++) {
    await world.mine()
    await expect.poll(() => items.length, until).toBe(1 + n)
  }
  expect(heads(items)).toEqual(range(start, start + 5))
  expect(world.http.roundTrips).toBe(0)
})

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  'F9, C4: a reorg of depth %i is one event with its depth and ancestor, and the new branch follows',
  async (depth) => {
    const socket = world.socket()
    const { items, metrics } = track(PUSH_ONLY, socket)
    await expect.poll(() => socket.live && items.length > 0, until).toBe(true)
    await world.mine(12)
    const top = Number(await world.height())
    await expect.poll(() => heads(items).at(-1), until).toBe(top)
    const dropped = await Promise.all(range(top - depth + 1, top).map(hashAt))
    const ancestor = await hashAt(top - depth)
    const seen = items.length

    await world.reorg(depth)
    await world.mine()
    const newTip = await hashAt(await world.height())
    await expect
      .poll(() => {
        const last = items.at(-1)
        return last?.kind === 'head' && last.block.hash
      }, until)
      .toBe(newTip)

    const news = items.slice(seen)
    expect(news[0]).toMatchObject({
      kind: 'reorg',
      depth,
      ancestor: { number: BigInt(top - depth), hash: ancestor },
    })
    expect(news[0]?.kind === 'reorg' && news[0].dropped.map(({ hash }) => hash)).toEqual(dropped)
    expect(news.slice(1).every(({ kind }) => kind === 'head')).toBe(true)
    expect(heads(news)).toEqual(range(top - depth + 1, top + 1))
    expect(metrics.total('rpc_reorgs')).toBe(1)
    expect(metrics.observed).toEqual([{ name: 'rpc_reorg_depth', value: depth }])
  },
)

test('C4: a reorg right after the start has its ancestor as well, and while only polling', async () => {
  await world.mine(12)
  const top = Number(await world.height())
  const { items } = track(POLLING)
  await expect.poll(() => heads(items), until).toEqual([top])
  const ancestor = await hashAt(top - 10)
  await world.reorg(10)
  await world.mine()
  await expect.poll(() => heads(items).at(-1), until).toBe(top + 1)
  expect(items[1]).toMatchObject({ kind: 'reorg', depth: 10, ancestor: { hash: ancestor } })
  expect(heads(items.slice(1))).toEqual(range(top - 9, top + 1))
})

test('C4: a rollback is a reorg to the block that it went back to, and the chain grows from there', async () => {
  await world.mine(12)
  const top = Number(await world.height())
  const { items } = track({ pollMs: 20, lookMs: 20 }, world.socket())
  await expect.poll(() => heads(items), until).toEqual([top])
  await world.ask('anvil_rollback', 4)
  await expect.poll(() => items.length, until).toBe(2)
  expect(items[1]).toMatchObject({ kind: 'reorg', depth: 4, ancestor: { number: BigInt(top - 4) } })
  await world.mine(2)
  await expect.poll(() => items.length, until).toBe(4)
  expect(heads(items.slice(2))).toEqual([top - 3, top - 2])
})

test('polls while the socket is refused, and leaves it when the socket is back', async () => {
  const socket = world.socket()
  const { items } = track(POLLING, socket)
  await expect.poll(() => socket.live && items.length === 1, until).toBe(true)
  const start = Number(await world.height())
  world.ws.refuse()
  world.ws.cut()
  await expect.poll(() => socket.live, until).toBe(false)
  await world.mine(3)
  await expect.poll(() => heads(items).at(-1), until).toBe(start + 3)
  world.ws.heal()
  await expect.poll(() => socket.live, until).toBe(true)
  // The look that a subscription begins with.
  const polls = () => world.http.count('eth_getBlockByNumber')
  await world.mine()
  await expect.poll(() => heads(items).at(-1), until).toBe(start + 4)
  world.http.reset()
  await world.mine()
  await expect.poll(() => heads(items).at(-1), until).toBe(start + 5)
  expect(polls()).toBe(0)
  expect(heads(items)).toEqual(range(start, start + 5))
})

test('a subscription that dies without a word is made up for by a look', async () => {
  const socket = world.socket({
    timing: {
      timeoutMs: 2_000,
      heartbeatMs: 3_600_000,
      heartbeatTimeoutMs: 200,
      backoff: { minMs: 5, maxMs: 5 },
    },
  })
  const { items } = track({ pollMs: 3_600_000, lookMs: 50 }, socket)
  await expect.poll(() => socket.live && items.length === 1, until).toBe(true)
  const start = Number(await world.height())
  world.ws.freeze()
  await world.mine(2)
  await expect.poll(() => heads(items), { ...until }).toEqual([start, start + 1, start + 2])
})

test('an outage of everything loses nothing: what was missed is told when it is over', async () => {
  const socket = world.socket()
  const { items, metrics } = track({ pollMs: 20, lookMs: 20 }, socket)
  await expect.poll(() => socket.live && items.length === 1, until).toBe(true)
  const start = Number(await world.height())
  world.http.setFault(() => ({ kind: 'reset' }))
  world.ws.refuse()
  world.ws.cut()
  await world.mine(40)
  await expect.poll(() => metrics.total('rpc_head_failures'), until).toBeGreaterThan(3)
  expect(heads(items)).toEqual([start])
  world.http.setFault(undefined)
  world.ws.heal()
  await expect.poll(() => heads(items).at(-1), until).toBe(start + 40)
  expect(heads(items)).toEqual(range(start, start + 40))
  expect(metrics.total('rpc_gaps_filled', { of: 'heads' })).toBe(39)
})

test('a slow listener is told everything once, and costs nothing meanwhile', async () => {
  const { tracker, items, stop } = track(POLLING)
  await expect.poll(() => items.length, until).toBe(1)
  const start = Number(await world.height())
  const slow = tracker.events(stop.signal)
  expect(await slow.next()).toMatchObject({ value: { kind: 'head', block: { number: BigInt(start) } } })
  await world.mine(30)
  await expect.poll(() => heads(items).at(-1), until).toBe(start + 30)
  const told: number[] = []
  while (told.length < 30) told.push(...heads([(await slow.next()).value as HeadEvent]))
  expect(told).toEqual(range(start + 1, start + 30))
})

test('ends quietly when the signal aborts', async () => {
  const { ended, items, stop } = track(POLLING)
  await expect.poll(() => items.length, until).toBe(1)
  stop.abort()
  await ended
})
