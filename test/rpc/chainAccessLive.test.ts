import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { unattended } from '../../src/primitives/abort.ts'
import { type Metrics, silentMetrics } from '../../src/primitives/metrics.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { lruNodeCache } from '../../src/rpc/cache/lruNodeCache.ts'
import { type ChainAccess, openChainAccess } from '../../src/rpc/chainAccess.ts'
import type { HeadNotice } from '../../src/rpc/headFeed.ts'
import { chain, type LiveWorld, startLiveWorld, timing } from './live/support/liveWorld.ts'

const PAYER = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const until = { timeout: 10_000, interval: 10 }

let world: LiveWorld
const open: ChainAccess[] = []
beforeAll(async () => {
  world = await startLiveWorld()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map((access) => access.close()))
  world.http.reset()
  world.ws.heal()
})
afterAll(() => world.stop())

/** The newest block that the last access knew of, without asking it. */
let followed = 0
const metrics: Metrics = {
  ...silentMetrics,
  gauge: (name, _labels, value) => {
    if (name === 'rpc_head') followed = value
  },
}

function openAccess({ socket = true, idleMs = 300_000 } = {}): ChainAccess {
  followed = 0
  const endpoint = { url: new Secret(world.http.url), priority: 0 }
  const endpoints = [socket ? { ...endpoint, socket: new Secret(world.ws.url) } : endpoint]
  const live = { socket: timing, heads: { pollMs: 20, lookMs: 3_600_000 }, idleMs }
  const options = { timeoutMs: 5_000, cache: lruNodeCache(100), metrics, live }
  const access = openChainAccess(chain, endpoints, options)
  open.push(access)
  return access
}

const newAccount = () => `0x${randomBytes(20).toString('hex')}`
const shownBalance = (access: ChainAccess, account: string) =>
  access.shown.call('eth_getBalance', [account, 'latest'], unattended())
const shownHeight = async (access: ChainAccess) =>
  BigInt(String(await access.shown.call('eth_blockNumber', [], unattended())))
const pushes = (access: ChainAccess) => expect.poll(() => access.live.following(), until).toBe('socket')
const fund = (account: string) =>
  world.ask('eth_sendTransaction', { from: PAYER, to: account, value: '0x7', gas: '0x5208' })

function listen(access: ChainAccess) {
  const notices: HeadNotice[] = []
  const leave = access.onHead((notice) => notices.push(notice))
  return { notices, leave, numbers: () => notices.map(({ block }) => Number(block.number)) }
}

test('F19, B6: a balance in the cache is dropped as soon as the socket tells of a new head', async () => {
  const access = openAccess()
  const account = newAccount()
  expect(await shownBalance(access, account)).toBe('0x0')
  await pushes(access)
  await fund(account)
  expect(await shownBalance(access, account)).toBe('0x0')
  world.http.reset()
  expect(await shownBalance(access, account)).toBe('0x0')
  expect(world.http.roundTrips).toBe(0)
  await world.mine()
  // Kept for 30 seconds by its own terms: only the head can have dropped it.
  await expect.poll(() => shownBalance(access, account), until).toBe('0x7')
})

test('F19: what an endpoint that is behind says is not kept, so the head in the cache never goes back', async () => {
  const access = openAccess()
  const { notices } = listen(access)
  await shownHeight(access)
  await pushes(access)
  const before = await world.height()
  await world.mine(4)
  await expect.poll(() => notices.at(-1)?.block.number, until).toBe(before + 4n)
  const old = `"result":"0x${before.toString(16)}"`
  world.http.setFault(() => ({
    kind: 'rewrite',
    text: (answer) => answer.replace(/"result":"0x[0-9a-f]+"/, old),
  }))
  expect(await shownHeight(access)).toBe(before)
  world.http.setFault(undefined)
  expect(await shownHeight(access)).toBe(before + 4n)
})

test('a reorganisation to a shorter chain drops what was shown, and the shorter chain is kept again', async () => {
  const access = openAccess()
  await world.mine(4)
  const { notices } = listen(access)
  const top = await world.height()
  await expect.poll(() => notices.at(-1)?.block.number, until).toBe(top)
  await pushes(access)
  await expect.poll(() => shownHeight(access), until).toBe(top)
  await world.ask('anvil_rollback', 3)
  await world.mine()
  await expect.poll(() => notices.at(-1)?.block.number, until).toBe(top - 2n)
  await expect.poll(() => shownHeight(access), until).toBe(top - 2n)
  world.http.reset()
  expect(await shownHeight(access)).toBe(top - 2n)
  expect(world.http.roundTrips).toBe(0)
})

test('nobody interested: a chain without a socket makes no request of its own, however long', async () => {
  const access = openAccess({ socket: false })
  await shownHeight(access)
  world.http.reset()
  await world.mine(2)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(world.http.roundTrips).toBe(0)
  expect(access.live.following()).toBe('idle')
})

test('nobody interested: a socket that is up, lost and up again costs the endpoint no request', async () => {
  const access = openAccess()
  await shownHeight(access)
  await pushes(access)
  world.http.reset()
  await world.mine(3)
  await expect.poll(() => followed, until).toBe(Number(await world.height()))
  world.ws.refuse()
  world.ws.cut()
  await expect.poll(() => access.live.following(), until).toBe('idle')
  await world.mine(5)
  world.ws.heal()
  await pushes(access)
  await world.mine()
  await expect.poll(() => followed, until).toBe(Number(await world.height()))
  expect(world.http.roundTrips).toBe(0)
})

test('a chain that is no longer used is no longer followed, and is again with the next use', async () => {
  const access = openAccess({ idleMs: 500 })
  await shownHeight(access)
  await expect.poll(() => world.ws.open, until).toBe(1)
  await expect.poll(() => world.ws.open, until).toBe(0)
  expect(access.live.following()).toBe('idle')
  await shownHeight(access)
  await expect.poll(() => world.ws.open, until).toBe(1)
})

test('B6: a listener is told of each head once and in order, over cuts, and of nothing after it left', async () => {
  const access = openAccess()
  const first = listen(access)
  await expect.poll(() => first.notices.length, until).toBe(1)
  const start = first.numbers()[0] ?? 0
  for (let round = 0; round < 5; round++) {
    await world.mine(2)
    world.ws.cut()
    await world.mine(2)
  }
  await expect.poll(() => first.numbers().at(-1), until).toBe(start + 20)
  expect(first.numbers()).toEqual(Array.from({ length: 21 }, (_, index) => start + index))
  first.leave()
  const second = listen(access)
  await world.mine()
  await expect.poll(() => second.numbers().at(-1), until).toBe(start + 21)
  expect(first.numbers().at(-1)).toBe(start + 20)
})

test('a listener without a socket is told by polling, and costs nothing once it has left', async () => {
  const access = openAccess({ socket: false })
  const { notices, leave } = listen(access)
  await expect.poll(() => notices.length, until).toBe(1)
  expect(access.live.following()).toBe('polling')
  const start = await world.height()
  await world.mine(3)
  await expect.poll(() => notices.at(-1)?.block.number, until).toBe(start + 3n)
  leave()
  await expect.poll(() => access.live.following(), until).toBe('idle')
  world.http.reset()
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(world.http.roundTrips).toBe(0)
})

test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
  'F9: a reorganisation of depth %i is told with its depth and its ancestor, then the blocks above it',
  async (depth) => {
    const access = openAccess()
    await world.mine(12)
    const { notices } = listen(access)
    const top = await world.height()
    await expect.poll(() => notices.at(-1)?.block.number, until).toBe(top)
    await world.mine(depth)
    await expect.poll(() => notices.at(-1)?.block.number, until).toBe(top + BigInt(depth))
    await pushes(access)
    const before = notices.length
    await world.reorg(depth)
    await world.mine()
    await expect.poll(() => notices.at(-1)?.block.number, until).toBe(top + BigInt(depth) + 1n)
    const told = notices.slice(before)
    expect(told.filter(({ reorg }) => reorg).map(({ reorg }) => reorg)).toMatchObject([
      { depth, ancestor: { number: top } },
    ])
    expect(told.map(({ block }) => Number(block.number - top))).toEqual(
      Array.from({ length: depth + 2 }, (_, index) => index),
    )
  },
)

test('a reorganisation deeper than what is remembered is told as a lost thread', async () => {
  const access = openAccess()
  await world.mine(300)
  const { notices } = listen(access)
  await expect.poll(() => notices.length, until).toBeGreaterThan(0)
  await pushes(access)
  // More than the parents that were read when it began.
  await world.reorg(60)
  await world.mine()
  await expect.poll(() => notices.some(({ lostThread }) => lostThread), until).toBe(true)
  await expect.poll(() => notices.at(-1)?.block.number, until).toBe(await world.height())
})

test('F9: where the thread of heads is lost, blocks that were to stay are asked for again', async () => {
  const access = openAccess()
  await world.mine(60)
  await shownHeight(access)
  await pushes(access)
  await world.mine()
  const top = await world.height()
  await expect.poll(() => followed, until).toBe(Number(top))
  const shownHash = async () => {
    const params = [`0x${(top - 20n).toString(16)}`, false]
    return (await access.shown.call('eth_getBlockByNumber', params, unattended())) as { hash: string }
  }
  const { hash } = await shownHash()
  // Nobody listens, so that nothing below the first block that was pushed is remembered.
  await world.reorg(40)
  await world.mine()
  await expect.poll(() => followed, until).toBe(Number(top) + 1)
  expect((await shownHash()).hash).not.toBe(hash)
})

test('one listener that fails keeps nothing from the others', async () => {
  const access = openAccess()
  access.onHead(() => {
    throw new Error('mine')
  })
  const { notices } = listen(access)
  await expect.poll(() => notices.length, until).toBeGreaterThan(0)
  const top = await world.height()
  await world.mine()
  await expect.poll(() => notices.at(-1)?.block.number, until).toBe(top + 1n)
})

test('R13: a socket of another chain moves nothing, and its probe says why', async () => {
  world.ws.retarget(world.otherChainUrl)
  const access = openAccess()
  await shownHeight(access)
  const before = world.ws.accepted
  await expect.poll(() => world.ws.accepted - before, until).toBeGreaterThan(1)
  expect(access.live.following()).toBe('idle')
  const [probe] = await access.probeSockets(unattended())
  expect(probe).toEqual({
    host: new URL(world.ws.url).host,
    problem: expect.stringContaining('serves chain 31338, not eip155:31337'),
  })
  world.ws.retarget(world.anvilUrl)
  expect((await access.probeSockets(unattended()))[0]).not.toHaveProperty('problem')
})
