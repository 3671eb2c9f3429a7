import { expect, test } from 'vitest'
import type { LogEvent } from '../../../src/rpc/live/logEvents.ts'
import type { LogStart } from '../../../src/rpc/live/logStream.ts'
import { keys } from './support/events.ts'
import { collect } from './support/liveWorld.ts'
import { follow, live, oracle, TRANSFER, transfer, useWorld, world } from './support/logWorld.ts'

useWorld()

const until = { timeout: 20_000, interval: 10 }

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
  await transfer(2, 1_000)
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
  const heads = collect(chainLive.heads(new AbortController().signal))
  await expect.poll(() => chainLive.report()?.state === 'live' && items.length > 0, until).toBe(true)
  await expect.poll(() => world.http.count('eth_getBlockByNumber'), until).toBeGreaterThan(2)
  // What the start costs is over when a block costs nothing.
  await expect
    .poll(async () => {
      world.http.reset()
      const before = heads.items.length
      await world.mine()
      await expect.poll(() => heads.items.length, until).toBeGreaterThan(before)
      return world.http.roundTrips
    }, until)
    .toBe(0)
  const batches = items.length
  const known = heads.items.length
  await world.mine(20)
  await expect.poll(() => heads.items.length, until).toBe(known + 20)
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

test('what happened while nothing was connected is told without another event or block', async () => {
  const { live: chainLive } = live()
  const from = (await world.height()) + 1n
  const { events } = follow(chainLive, from)
  await expect.poll(() => chainLive.report()?.state, until).toBe('live')
  await transfer(1)
  await world.mine()
  await expect.poll(() => events().length, until).toBe(1)
  world.ws.refuse()
  world.ws.cut()
  await expect.poll(() => chainLive.report()?.state, until).toBe('down')
  await transfer(1)
  await world.mine()
  await expect.poll(() => events().length, until).toBe(2)
  // Polling has seen everything so far, and sees nothing more before the socket is back.
  world.http.setFault(() => ({ kind: 'reset' }))
  await transfer(3)
  await world.mine(2)
  world.ws.heal()
  await expect.poll(() => chainLive.report()?.state, until).toBe('live')
  world.http.setFault(undefined)
  await expect.poll(() => events().length, until).toBe(5)
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
