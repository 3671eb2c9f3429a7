import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { systemClock } from '../../../src/primitives/clock.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { type LiveChain, liveChain } from '../../../src/rpc/live/liveChain.ts'
import type { LogEvent } from '../../../src/rpc/live/logEvents.ts'
import type { LogStart } from '../../../src/rpc/live/logStream.ts'
import type { LogCursor } from '../../../src/rpc/live/logTrail.ts'
import { keys, refusingLogs, sizeOf, standing } from './support/events.ts'
import {
  chain,
  collect,
  countingMetrics,
  type LiveWorld,
  startLiveWorld,
  timing,
} from './support/liveWorld.ts'

const USDC = '0x9594a4C95A3acfb82307B158CD774a6740316BEd'
const TREASURY = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const AGENT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const TRANSFER = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef'
const filter = { address: USDC, topics: [TRANSFER] }
const until = { timeout: 20_000, interval: 10 }

let world: LiveWorld
const open: LiveChain[] = []
beforeAll(async () => {
  world = await startLiveWorld()
})
afterEach(async () => {
  world.ws.heal()
  world.ws.cutAfter(undefined)
  world.ws.mute(undefined)
  world.http.reset()
  await Promise.all(open.splice(0).map((live) => live.close()))
})
afterAll(() => world.stop())

interface Options {
  readonly polling?: boolean
  readonly sweepMs?: number
  readonly maxSpan?: number
  readonly lookMs?: number
}

function live({ polling = false, sweepMs = 3_600_000, maxSpan = 2_000, lookMs = 3_600_000 }: Options = {}) {
  const metrics = countingMetrics()
  const opened = liveChain({
    chain,
    identity: { method: 'eth_chainId', expected: '0x7a69' },
    client: world.client,
    sockets: polling ? [] : [{ url: new Secret(world.ws.url) }],
    clock: systemClock,
    metrics,
    logger: silentLogger,
    socket: timing,
    heads: { pollMs: 20, lookMs },
    logs: { sweepMs, retry: { minMs: 5, maxMs: 40 }, maxSpan },
  })
  open.push(opened)
  return { metrics, live: opened }
}

/** Follows until the test ends it, keeping what a careful reader keeps: the events that stand, and the cursor. */
function follow(of: LiveChain, start: LogStart) {
  const stop = new AbortController()
  const { items, ended } = collect(of.logs(filter, start, stop.signal))
  return {
    items,
    ended,
    stop,
    events: () => standing(items),
    cursor: () => JSON.parse(JSON.stringify(items.at(-1)?.cursor)) as LogCursor,
  }
}

let sent = 0
/** Sends that many transfers of 1, 2, 3 … base units, which wait until a block is mined. */
async function transfer(count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const amount = (++sent).toString(16).padStart(64, '0')
    const data = `0xa9059cbb${AGENT.slice(2).toLowerCase().padStart(64, '0')}${amount}`
    await world.ask('eth_sendTransaction', { from: TREASURY, to: USDC, data, gas: '0x186a0' })
  }
}

/** What the node itself says, in its own order. */
async function oracle(from: bigint): Promise<string[]> {
  const where = { fromBlock: `0x${from.toString(16)}`, toBlock: 'latest' }
  const logs = await world.ask<Record<string, string>[]>('eth_getLogs', { ...filter, ...where })
  return logs.map((log) => `${log['blockHash']} ${log['transactionHash']} ${Number(log['logIndex'])}`)
}

test('B6: 240 events while the socket is cut again and again: none lost, none double, in order', async () => {
  const { live: chainLive, metrics } = live()
  const from = (await world.height()) + 1n
  const { events } = follow(chainLive, from)
  await expect.poll(() => chainLive.report()?.state, until).toBe('live')
  const before = world.ws.accepted
  world.ws.cutAfter(() => 500 + Math.floor(Math.random() * 6_000))
  for (let round = 0; round < 60; round++) {
    await transfer(4)
    await world.mine(1 + (round % 3))
  }
  await expect.poll(() => events().length, until).toBe(240)
  expect(keys(events())).toEqual(await oracle(from))
  expect(world.ws.accepted - before).toBeGreaterThan(10)
  expect(metrics.total('rpc_socket_reconnects')).toBeGreaterThan(5)
  expect(metrics.total('rpc_gaps_filled', { of: 'logs' })).toBeGreaterThan(0)
})

test('an event is decoded as it is, with 1 USDC-unit amounts in order', async () => {
  const { live: chainLive } = live()
  const { events } = follow(chainLive, (await world.height()) + 1n)
  await expect.poll(() => chainLive.report()?.state, until).toBe('live')
  sent = 999
  await transfer(2)
  await world.mine()
  await expect.poll(() => events().length, until).toBe(2)
  const [first, second] = events()
  expect(first).toMatchObject({
    address: '0x9594a4c95a3acfb82307b158cd774a6740316bed',
    topics: [
      TRANSFER,
      '0x000000000000000000000000f39fd6e51aad88f6f4ce6ab8827279cfffb92266',
      '0x00000000000000000000000070997970c51812dc3a010c7d01b50e0d17dc79c8',
    ],
    data: '0x00000000000000000000000000000000000000000000000000000000000003e8',
    blockNumber: await world.height(),
    transactionIndex: 0,
    logIndex: 0,
  })
  expect(second).toMatchObject({ logIndex: 1, transactionIndex: 1 })
})

test('quiet blocks cost no call while pushes come; a sweep reads them all the same', async () => {
  const { live: chainLive } = live()
  const { items } = follow(chainLive, await world.height())
  await expect.poll(() => chainLive.report()?.state === 'live' && items.length > 0, until).toBe(true)
  await expect.poll(() => world.http.count('eth_getBlockByNumber'), until).toBeGreaterThan(1)
  const heads = collect(chainLive.heads(new AbortController().signal))
  world.http.reset()
  const batches = items.length
  await world.mine(20)
  await expect.poll(() => heads.items.length, until).toBeGreaterThan(19)
  expect(world.http.roundTrips).toBe(0)
  expect(items.length).toBe(batches)

  const { live: swept } = live({ sweepMs: 30 })
  const other = follow(swept, await world.height())
  await expect.poll(() => swept.report()?.state, until).toBe('live')
  await world.mine(2)
  const next = ((await world.height()) + 1n).toString()
  await expect.poll(() => other.items.at(-1)?.cursor.next, until).toBe(next)
})

test('a push that never comes costs time and no event', async () => {
  // The notices are lost on the way, as providers lose some, and the new heads that share a packet with them.
  const { live: chainLive } = live({ sweepMs: 50, lookMs: 50 })
  const from = (await world.height()) + 1n
  const { events } = follow(chainLive, from)
  await expect.poll(() => chainLive.report()?.state, until).toBe('live')
  world.ws.mute('"logIndex"')
  await transfer(3)
  await world.mine()
  await expect.poll(() => events().length, until).toBe(3)
  expect(keys(events())).toEqual(await oracle(from))
})

test('polls eth_getLogs without a socket, and while it is refused', async () => {
  const { live: polled } = live({ polling: true })
  const { live: refused } = live()
  const from = (await world.height()) + 1n
  const first = follow(polled, from)
  world.ws.refuse()
  const second = follow(refused, from)
  for (let round = 0; round < 5; round++) {
    await transfer(2)
    await world.mine(2)
    await expect
      .poll(() => [first.events().length, second.events().length], until)
      .toEqual([2 * round + 2, 2 * round + 2])
  }
  world.ws.heal()
  await expect.poll(() => refused.report()?.state, until).toBe('live')
  await transfer(2)
  await world.mine()
  await expect.poll(() => second.events().length, until).toBe(12)
  expect(keys(second.events())).toEqual(await oracle(from))
})

test.each([1, 3, 10])(
  'F9: a reorg of depth %i withdraws the events of dropped blocks and tells those of the new branch',
  async (depth) => {
    const { live: chainLive, metrics } = live()
    const from = (await world.height()) + 1n
    const { items, events } = follow(chainLive, from)
    await expect.poll(() => chainLive.report()?.state, until).toBe('live')
    for (let block = 0; block < 12; block++) {
      await transfer(2)
      await world.mine()
    }
    await expect.poll(() => events().length, until).toBe(24)
    const top = await world.height()
    await world.reorg(depth)
    await transfer(1)
    await world.mine()
    const expected = await oracle(from)
    await expect.poll(() => keys(events()), until).toEqual(expected)
    // anvil drops the transactions of a reorganised block for good.
    expect(expected).toHaveLength(24 - 2 * depth + 1)
    const removed = items.filter(({ kind }) => kind === 'removed')
    expect(removed).toHaveLength(1)
    expect(removed[0]).toMatchObject({ above: top - BigInt(depth) })
    expect(removed[0]?.logs).toHaveLength(2 * depth)
    expect(metrics.total('rpc_logs_withdrawn')).toBe(2 * depth)
  },
)

test('goes on from a cursor as if it had never been away, in socket and polling mode', async () => {
  const from = (await world.height()) + 1n
  let told: LogEvent[] = []
  let cursor: LogStart = from
  for (let life = 0; life < 6; life++) {
    const { live: chainLive } = live({ polling: life % 2 === 1 })
    await transfer(5)
    await world.mine(3)
    const follower = follow(chainLive, cursor)
    const next = ((await world.height()) + 1n).toString()
    await expect.poll(() => follower.items.at(-1)?.cursor.next, until).toBe(next)
    told = [...told, ...follower.events()]
    cursor = follower.cursor()
    await chainLive.close()
    await follower.ended
    await transfer(3)
    await world.mine(2)
  }
  expect(told).toHaveLength(45)
  expect(keys(told)).toEqual((await oracle(from)).slice(0, 45))
})

test('F9: a cursor whose block is gone goes back to the last one that stands, and tells the rest anew', async () => {
  const from = (await world.height()) + 1n
  for (let block = 0; block < 10; block++) {
    await transfer(1)
    await world.mine()
  }
  const { live: before } = live()
  const first = follow(before, from)
  await expect.poll(() => first.events().length, until).toBe(10)
  const cursor = first.cursor()
  const top = await world.height()
  await before.close()
  await world.reorg(3)
  await transfer(2)
  await world.mine()

  const { live: after } = live()
  const second = follow(after, cursor)
  await expect.poll(() => second.items.at(-1)?.cursor.next, until).toBe(`${top + 2n}`)
  const [withdrawal] = second.items
  expect(withdrawal).toMatchObject({ kind: 'removed', logs: [] })
  const above = withdrawal?.kind === 'removed' ? withdrawal.above : 0n
  expect(above).toBeLessThanOrEqual(top - 3n)
  const stands = first.events().filter(({ blockNumber }) => blockNumber <= above)
  const anew = second.items.slice(1).flatMap(({ logs }) => logs)
  expect(keys([...stands, ...anew])).toEqual(await oracle(from))
})

test('a cursor of another chain is refused', async () => {
  const hash = `0x${'ab'.repeat(32)}`
  const { live: chainLive } = live()
  const { ended } = follow(chainLive, { next: '6', seen: [{ number: '5', hash }] })
  await expect(ended).rejects.toMatchObject({ code: 'chain_replaced' })
})

test('reads a long way back in ranges, halving them until the provider takes them', async () => {
  const from = 1n
  await transfer(3)
  await world.mine(300)
  await transfer(3)
  await world.mine(100)
  const asked: number[] = []
  world.http.setFault((calls) => {
    const sizes = calls.filter(({ method }) => method === 'eth_getLogs').map(sizeOf)
    asked.push(...sizes)
    const isTooLarge = sizes.some((size) => size > 100)
    return isTooLarge ? { kind: 'rewrite', text: refusingLogs } : undefined
  })
  const { live: chainLive } = live({ polling: true })
  const { events } = follow(chainLive, from)
  const expected = await oracle(from)
  await expect.poll(() => events().length, until).toBe(expected.length)
  expect(keys(events())).toEqual(expected)
  expect(Math.max(...asked)).toBeGreaterThan(100)
  // It learns: no more than a few refusals.
  expect(asked.filter((size) => size > 100).length).toBeLessThan(8)
})

test('an endpoint that is behind, or on another branch, is not believed', async () => {
  const from = (await world.height()) + 1n
  const { live: chainLive, metrics } = live({ polling: true })
  const { events, items } = follow(chainLive, from)
  await expect.poll(() => chainLive.block('latest', new AbortController().signal), until).toBeDefined()
  // It knows the newest headers and has no events of them yet: as load balancers answer.
  let lies = 0
  world.http.setFault((calls) => {
    if (!calls.some(({ method }) => method === 'eth_getLogs') || lies++ >= 3) return undefined
    return { kind: 'rewrite', text: (answer) => answer.replaceAll(/"hash":"0x../g, '"hash":"0xff') }
  })
  await transfer(4)
  await world.mine(10)
  await expect.poll(() => events().length, until).toBe(4)
  expect(lies).toBeGreaterThan(3)
  expect(keys(events())).toEqual(await oracle(from))
  expect(items.every(({ kind }) => kind === 'logs')).toBe(true)
  expect(metrics.total('rpc_log_failures', { code: 'provider_garbage' })).toBe(3)
})

test('T12: an event that was not asked for, or of another block, is not passed on', async () => {
  const from = (await world.height()) + 1n
  const { live: chainLive } = live({ polling: true })
  const { events } = follow(chainLive, from)
  const other = '0x225fef2b544debca5d2833cda879e16ca1458163'
  let lies = 0
  world.http.setFault((calls) => {
    if (!calls.some(({ method }) => method === 'eth_getLogs') || lies >= 2) return undefined
    const [what, instead] =
      lies++ === 0
        ? [/"address":"0x[0-9a-f]{40}"/gi, `"address":"${other}"`]
        : [/"blockHash":"0x../g, '"blockHash":"0xff']
    return { kind: 'rewrite', text: (answer) => answer.replaceAll(what, instead) }
  })
  await transfer(2)
  await world.mine()
  await expect.poll(() => events().length, until).toBe(2)
  expect(lies).toBe(2)
  expect(keys(events())).toEqual(await oracle(from))
})

test('what endpoints refuse for good is told to the reader', async () => {
  const { live: chainLive } = live({ polling: true, maxSpan: 1 })
  world.http.setFault((calls) =>
    calls.some(({ method }) => method === 'eth_getLogs')
      ? { kind: 'rewrite', text: refusingLogs }
      : undefined,
  )
  const { ended } = follow(chainLive, await world.height())
  await expect(ended).rejects.toMatchObject({ code: 'rpc_refused', context: { method: 'eth_getLogs' } })
})

test('a provider that fails is waited for, however long', async () => {
  const from = (await world.height()) + 1n
  const { live: chainLive, metrics } = live({ polling: true })
  const { events } = follow(chainLive, from)
  await expect.poll(() => chainLive.block('latest', new AbortController().signal), until).toBeDefined()
  world.http.setFault((calls) =>
    calls.some(({ method }) => method === 'eth_getLogs') ? { kind: 'status', code: 503 } : undefined,
  )
  await transfer(3)
  await world.mine(5)
  await expect.poll(() => metrics.total('rpc_log_failures'), until).toBeGreaterThan(15)
  world.http.setFault(undefined)
  await expect.poll(() => events().length, until).toBe(3)
})
