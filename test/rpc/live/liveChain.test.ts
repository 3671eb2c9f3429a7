import { getEventListeners } from 'node:events'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type { Chain } from '../../../src/chains/types.ts'
import { unattended } from '../../../src/primitives/abort.ts'
import { systemClock } from '../../../src/primitives/clock.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { type HeadTiming, headTiming } from '../../../src/rpc/live/headTracker.ts'
import { type LiveChain, liveChain } from '../../../src/rpc/live/liveChain.ts'
import { pendingHashes } from '../../../src/rpc/live/pendingStream.ts'
import { RecentSet } from '../../../src/rpc/live/recentSet.ts'
import {
  chain,
  collect,
  countingMetrics,
  type LiveWorld,
  startLiveWorld,
  timing,
} from './support/liveWorld.ts'

const TREASURY = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const AGENT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const until = { timeout: 10_000, interval: 10 }

let world: LiveWorld
const open: LiveChain[] = []
beforeAll(async () => {
  world = await startLiveWorld()
})
afterEach(async () => {
  world.ws.heal()
  world.http.reset()
  await world.closeSockets()
  await Promise.all(open.splice(0).map((live) => live.close()))
})
afterAll(() => world.stop())

function live(of: Chain = chain, heads: HeadTiming = { pollMs: 20, lookMs: 20 }): LiveChain {
  const opened = liveChain({
    chain: of,
    identity: { method: 'eth_chainId', expected: '0x7a69' },
    client: world.client,
    sockets: [{ url: new Secret(world.ws.url) }],
    clock: systemClock,
    metrics: countingMetrics(),
    logger: silentLogger,
    socket: timing,
    heads,
  })
  open.push(opened)
  return opened
}

const pay = () =>
  world.ask<string>('eth_sendTransaction', { from: TREASURY, to: AGENT, value: '0x1', gas: '0x5208' })

test('pending transactions are told once each, over the socket and without it', async () => {
  const chainLive = live()
  const stop = new AbortController()
  const { items, ended } = collect(chainLive.pending(stop.signal))
  await expect.poll(() => chainLive.report()?.state, until).toBe('live')
  const sent = [await pay(), await pay(), await pay()]
  await expect.poll(() => items.length, until).toBe(3)
  world.ws.refuse()
  world.ws.cut()
  await expect.poll(() => chainLive.report()?.state, until).toBe('down')
  sent.push(await pay(), await pay())
  await expect.poll(() => items.length, until).toBe(5)
  world.ws.heal()
  await expect.poll(() => chainLive.report()?.state, until).toBe('live')
  sent.push(await pay())
  await expect.poll(() => items.length, until).toBe(6)
  expect(items).toEqual(sent)
  await world.mine()
  stop.abort()
  await ended
})

test('memory is bounded: a slow listener of pending transactions loses the oldest, and it is counted', async () => {
  const socket = world.socket()
  socket.start()
  const metrics = countingMetrics()
  const stop = new AbortController()
  const bounds = { remembered: 20, waiting: 5 }
  await expect.poll(() => socket.live, until).toBe(true)
  const subscribe = vi.spyOn(socket, 'subscribe')
  const options = { client: world.client, socket, pollMs: 3_600_000, metrics, bounds }
  const hashes = pendingHashes(options, stop.signal)
  const first = hashes.next()
  await expect.poll(() => subscribe.mock.results[0]?.value.active, until).toBe(true)
  const sent = [await pay()]
  expect(await first).toEqual({ done: false, value: sent[0] })
  for (let n = 1; n < 12; n++) sent.push(await pay())
  await expect.poll(() => metrics.total('rpc_pending_given_up'), until).toBe(6)
  const rest: (string | undefined)[] = []
  for (let n = 0; n < 5; n++) rest.push((await hashes.next()).value as string)
  expect(rest).toEqual(sent.slice(7))
  stop.abort()
  await world.mine()
})

test('memory is bounded: a set of recent values forgets the oldest', () => {
  const recent = new RecentSet(3)
  expect(['a', 'b', 'a', 'c', 'd', 'a', 'd'].map((value) => recent.add(value))).toEqual([
    true,
    true,
    false,
    true,
    true,
    true,
    false,
  ])
  expect(recent.size).toBe(3)
})

test('works while somebody listens, and only then', async () => {
  const chainLive = live()
  expect(chainLive.report()).toBeUndefined()
  const one = new AbortController()
  const two = new AbortController()
  const first = collect(chainLive.heads(one.signal))
  const second = collect(chainLive.pending(two.signal))
  await expect.poll(() => chainLive.report()?.state === 'live' && first.items.length > 0, until).toBe(true)
  expect(world.ws.open).toBe(1)
  one.abort()
  await first.ended
  expect(chainLive.report()?.state).toBe('live')
  two.abort()
  await second.ended
  await expect.poll(() => world.ws.open, until).toBe(0)
  expect(chainLive.report()).toBeUndefined()
  // What was under way has ended, and nothing begins again.
  await expect
    .poll(async () => {
      world.http.reset()
      await world.mine()
      return world.http.roundTrips
    }, until)
    .toBe(0)
  // The next listener begins anew.
  const three = new AbortController()
  const third = collect(chainLive.heads(three.signal))
  await expect.poll(() => third.items.length, until).toBeGreaterThan(0)
  three.abort()
})

test('leaves no listener on the signal of a caller, and ends with close', async () => {
  const chainLive = live()
  const { signal } = new AbortController()
  for (let n = 0; n < 20; n++) {
    for await (const event of chainLive.heads(signal)) {
      expect(event.kind).toBe('head')
      break
    }
  }
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  const { items, ended } = collect(chainLive.heads(signal))
  await expect.poll(() => items.length, until).toBeGreaterThan(0)
  await chainLive.close()
  await ended
  await expect.poll(() => world.ws.open, until).toBe(0)
})

test('latest, safe and finalised blocks are those of the node', async () => {
  await world.mine(100)
  const top = await world.height()
  const chainLive = live()
  expect(await chainLive.block('latest', unattended())).toMatchObject({ number: top })
  // anvil: safe is 32 below the newest block, finalised 64.
  expect(await chainLive.block('safe', unattended())).toMatchObject({ number: top - 32n })
  expect(await chainLive.block('finalised', unattended())).toMatchObject({ number: top - 64n })
})

test('latest costs no call while somebody listens', async () => {
  const chainLive = live(chain, { pollMs: 20, lookMs: 3_600_000 })
  const stop = new AbortController()
  const { items } = collect(chainLive.heads(stop.signal))
  // Pushed, and no longer polled.
  await expect
    .poll(async () => {
      const before = items.length
      await world.mine()
      await expect.poll(() => items.length, until).toBeGreaterThan(before)
      const { roundTrips } = world.http
      world.http.reset()
      return roundTrips
    }, until)
    .toBe(0)
  expect(await chainLive.block('latest', unattended())).toMatchObject({ number: await world.height() })
  expect(world.http.roundTrips).toBe(0)
  stop.abort()
})

test('a node without these tags is asked by depth: so many confirmations as the registry wants', async () => {
  await world.mine(20)
  const top = await world.height()
  world.http.setFault((calls) =>
    calls.some(({ params }) => params[0] === 'finalized' || params[0] === 'safe')
      ? { kind: 'rewrite', text: refused }
      : undefined,
  )
  const deep = live({ ...chain, confirmations: 12 })
  expect(await deep.block('finalised', unattended())).toMatchObject({ number: top - 11n })
  expect(await deep.block('safe', unattended())).toMatchObject({ number: top - 11n })
  const younger = live({ ...chain, confirmations: 1_000_000 })
  expect(await younger.block('finalised', unattended())).toMatchObject({ number: 0n })
})

test('looks once a block, but neither more than once a second nor less than every twelve', () => {
  expect(headTiming({ ...chain, blockTimeMs: 250 })).toEqual({ pollMs: 1_000, lookMs: 10_000 })
  expect(headTiming({ ...chain, blockTimeMs: 2_000 })).toEqual({ pollMs: 2_000, lookMs: 10_000 })
  expect(headTiming({ ...chain, blockTimeMs: 60_000 })).toEqual({ pollMs: 12_000, lookMs: 36_000 })
})

function refused(answer: string): string {
  const { id } = JSON.parse(answer) as { id: number }
  const error = { code: -32602, message: 'invalid block tag' }
  return JSON.stringify({ jsonrpc: '2.0', id, error })
}
