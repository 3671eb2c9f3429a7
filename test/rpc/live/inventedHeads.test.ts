import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { unattended } from '../../../src/primitives/abort.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { lruNodeCache } from '../../../src/rpc/cache/lruNodeCache.ts'
import { type ChainAccess, openChainAccess } from '../../../src/rpc/chainAccess.ts'
import { BlockReader } from '../../../src/rpc/live/blockReader.ts'
import type { HeadBlock } from '../../../src/rpc/live/blocks.ts'
import { HeadTracker } from '../../../src/rpc/live/headTracker.ts'
import type { SocketConnection } from '../../../src/rpc/live/socketConnection.ts'
import type { RawSocketServer } from '../../support/rawSocketServer.ts'
import type { ProxyCall } from '../../support/rpcProxy.ts'
import { headNotice, inventedHash, recordingLogger, type SaidHead, startLiar } from './support/liarWorld.ts'
import {
  chain,
  collect,
  countingMetrics,
  type LiveWorld,
  startLiveWorld,
  timing,
} from './support/liveWorld.ts'

// T12: a socket that invents blocks. It moves neither what is shown nor who waits beyond what a chain could, and goes.

const until = { timeout: 10_000, interval: 5 }
let world: LiveWorld
let server: RawSocketServer
const running: AbortController[] = []
const accesses: ChainAccess[] = []
beforeAll(async () => {
  world = await startLiveWorld()
  await world.mine(20)
})
afterEach(async () => {
  for (const each of running.splice(0)) each.abort()
  await Promise.all(accesses.splice(0).map((access) => access.close()))
  await world.closeSockets()
  world.http.reset()
  world.ws.heal()
  await server?.close()
})
afterAll(() => world.stop())

interface Following {
  readonly polls?: boolean
  readonly pollMs?: number
  readonly lookMs?: number
  readonly url?: string
  readonly blockTimeMs?: number
  /** What the socket says is on the chain at a height. */
  readonly vouch?: (number: bigint) => SaidHead | undefined
}

/** A tracker as liveChain has it, and how often it woke those who listen. */
async function follow({
  polls = true,
  pollMs = 20,
  lookMs = 3_600_000,
  url,
  vouch,
  blockTimeMs = 1_000,
}: Following = {}) {
  server = await startLiar(vouch)
  const metrics = countingMetrics()
  const logger = recordingLogger()
  const socket = world.socket({
    ...{ metrics, logger, endpoints: [{ url: new Secret(url ?? server.url) }] },
    // One that was dropped stays away, so that what comes after it is seen.
    delay: (_ms, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  })
  const stop = new AbortController()
  running.push(stop)
  const reader = new BlockReader(world.client, socket)
  const of = { ...chain, blockTimeMs }
  const parts = { chain: of, reader, socket, timing: { pollMs, lookMs }, metrics, logger: silentLogger }
  const tracker = new HeadTracker({ ...parts, polls: () => polls })
  let wakes = 0
  tracker.listen(() => {
    wakes++
  }, stop.signal)
  const { items } = collect(tracker.events(stop.signal))
  void tracker.run(stop.signal)
  socket.start()
  await expect.poll(() => tracker.following, until).toBe('socket')
  if (polls) await expect.poll(() => tracker.newest?.number, until).toBe(await world.height())
  return { tracker, socket, metrics, logger, items, wakes: () => wakes }
}

/** What was said before has been heard. */
const heard = (socket: SocketConnection) => socket.send([{ method: 'eth_chainId', params: [] }], unattended())

async function newestBlock(): Promise<SaidHead & { readonly number: bigint }> {
  type Answer = Record<'number' | 'hash' | 'parentHash', string>
  const { number, hash, parentHash } = await world.ask<Answer>('eth_getBlockByNumber', 'latest', false)
  return { number: BigInt(number), hash, parentHash }
}

const numbers = (items: readonly { kind: string; block?: HeadBlock }[]) =>
  items.flatMap(({ block }) => (block ? [Number(block.number)] : []))

/** So many linked heads on top of a block. */
function invented(on: { readonly number: bigint; readonly hash: string }, count: number, branch = 1) {
  let parentHash = on.hash
  return Array.from({ length: count }, (_, index) => {
    const number = on.number + BigInt(index + 1)
    const head = { number, hash: inventedHash(branch, number), parentHash }
    parentHash = head.hash
    return head
  })
}

/** Says heads as fast as they are heard until the socket is gone. Returns how many it was. */
async function flood(socket: SocketConnection, next: (n: number) => string, piece = 20): Promise<number> {
  let said = 0
  while (socket.live && said < 100_000) {
    for (let n = 0; n < piece; n++) server.say(next(said++))
    await heard(socket).catch(() => undefined)
  }
  return said
}

test('T12: linked heads without end wake listeners fifty times at most, and cost the socket its connection', async () => {
  const { tracker, socket, metrics, logger, wakes } = await follow()
  const honest = tracker.newest as HeadBlock
  const heads = invented(honest, 100_000)
  const before = wakes()
  const started = performance.now()
  const said = await flood(socket, (n) => headNotice(heads[n]))
  expect(said).toBeGreaterThan(60)
  expect(socket.report().reason).toMatch(/10 of its messages were wrong: it pushes blocks that the endpoints/)
  expect(logger.count('a socket misbehaves')).toBe(1)
  expect(metrics.total('rpc_socket_faults', { fault: 'invented' })).toBe(10)
  // What was believed of it is taken back, although the endpoints have nothing new to say.
  await expect.poll(() => tracker.newest?.hash, until).toBe(honest.hash)
  // Fifty that were followed and five a second, two or three looks, and one to take them back.
  expect(wakes() - before).toBeLessThan(60 + (performance.now() - started) / 200)
})

test.each([
  { polls: true, of: 'while a payment is followed' },
  { polls: false, of: 'while a chain is merely read' },
])('T12: branches without end at one height cost the same $of', async ({ polls }) => {
  const { tracker, socket, metrics, wakes } = await follow({ polls })
  server.say(headNotice(await newestBlock()))
  await heard(socket)
  const honest = tracker.newest as HeadBlock
  const before = wakes()
  const started = performance.now()
  const at = Number(honest.number) + 1
  await flood(socket, (n) => headNotice({ number: at, hash: inventedHash(n, at), parentHash: honest.hash }))
  expect(metrics.total('rpc_socket_faults', { fault: 'invented' })).toBe(10)
  await expect.poll(() => tracker.newest?.hash, until).toBe(honest.hash)
  expect(wakes() - before).toBeLessThan(60 + (performance.now() - started) / 200)
})

test('T12: heads from the far future are not followed at all, and cost one look in a while', async () => {
  const { tracker, socket, wakes } = await follow({ pollMs: 3_600_000 })
  const honest = tracker.newest as HeadBlock
  // A subscription that begins has the newest block looked at once more: after this look that is over.
  const now = performance.now()
  tracker.look()
  await expect.poll(() => tracker.lookedAt, until).toBeGreaterThanOrEqual(now)
  const before = wakes()
  world.http.reset()
  for (let n = 1; n <= 1_000; n++) {
    const hash = inventedHash(1, n)
    server.say(headNotice({ number: 9_000_000 + n, hash, parentHash: inventedHash(1, n - 1) }))
    if (n % 100 === 0) await heard(socket)
  }
  await world.client.call('eth_chainId', [], unattended())
  expect(world.http.calls.map(({ method }) => method)).toEqual(['eth_chainId'])
  expect(tracker.newest?.hash).toBe(honest.hash)
  expect(wakes()).toBe(before)
})

test('T12: one that invents no faster than the chain grows is set right by each look, and dropped after ten', async () => {
  let lie: SaidHead | undefined
  const vouch = (number: bigint) => (number === lie?.number ? lie : undefined)
  const { tracker, socket, metrics } = await follow({ vouch })
  for (let round = 1; round <= 10; round++) {
    expect(socket.live).toBe(true)
    const honest = tracker.newest as HeadBlock
    lie = invented(honest, 1, round)[0] as SaidHead
    server.say(headNotice(lie))
    await expect.poll(() => tracker.newest?.hash, until).toBe(lie.hash)
    await world.mine()
    const { hash } = await newestBlock()
    tracker.look()
    await expect.poll(() => tracker.newest?.hash, until).toBe(hash)
  }
  await expect.poll(() => socket.live, until).toBe(false)
  expect(metrics.total('rpc_socket_faults', { fault: 'invented' })).toBe(10)
})

const FAR: SaidHead & { readonly number: bigint } = {
  ...{ number: 9_000_000n, hash: inventedHash(2, 1), parentHash: inventedHash(2, 0) },
}

test.each([
  ['on top of the chain', newestBlock],
  ['in the far future', async () => FAR],
])(
  'T12: while a chain is merely read, what a dropped socket invented %s is taken back',
  async (_where, begin) => {
    const { tracker, socket } = await follow({ polls: false, pollMs: 3_600_000 })
    const honest = await newestBlock()
    const first = await begin()
    server.say(headNotice(first))
    await expect.poll(() => tracker.newest?.hash, until).toBe(first.hash)
    const heads = invented(first, 5_000)
    let said = 0
    const say = () => server.say(headNotice(heads[said++]))
    world.http.reset()
    const looks = () => world.http.count('eth_getBlockByHash')
    while (looks() < 1) {
      say()
      await heard(socket)
    }
    await expect.poll(() => tracker.lookedAt, until).toBeGreaterThan(0)
    const now = performance.now()
    tracker.look()
    await expect.poll(() => tracker.lookedAt, until).toBeGreaterThanOrEqual(now)
    expect(looks()).toBe(2)
    // Time for one more to be followed: the looks so far prove nothing against it.
    const since = performance.now()
    await expect.poll(() => performance.now() - since, until).toBeGreaterThan(300)
    const next = {
      ...heads[said],
      number: (tracker.newest?.number ?? 0n) + 1n,
      parentHash: tracker.newest?.hash,
    }
    server.say(headNotice(next))
    await expect.poll(() => tracker.newest?.hash, until).toBe(heads[said]?.hash)
    await flood(socket, () => headNotice(heads[said++]))
    expect(socket.report().reason).toMatch(/it pushes blocks that the endpoints do not know/)
    await expect.poll(() => tracker.newest?.hash, until).toBe(honest.hash)
  },
)

test('T12: what a socket invented that is dropped while the chain is being looked at is taken back', async () => {
  const { tracker, socket, metrics } = await follow({ polls: false, pollMs: 3_600_000 })
  server.say(headNotice(await newestBlock()))
  const faults = () => metrics.total('rpc_socket_faults', { fault: 'invented' })
  let far = 9_000_000
  const sayFar = () =>
    server.say(
      headNotice({ number: ++far, hash: inventedHash(3, far), parentHash: inventedHash(3, far - 1) }),
    )
  while (faults() < 9) {
    sayFar()
    await heard(socket)
    const asked = performance.now()
    tracker.look()
    await expect.poll(() => tracker.lookedAt, until).toBeGreaterThanOrEqual(asked)
  }
  // Several blocks at once, whose numbers the look has to ask for: it waits for the answer.
  let answer = () => {}
  const answered = new Promise<void>((resolve) => {
    answer = resolve
  })
  const isRange = (calls: readonly ProxyCall[]) =>
    calls.some(({ method, params }) => method === 'eth_getBlockByNumber' && params[0] !== 'latest')
  world.http.reset()
  world.http.setFault((calls) => (isRange(calls) ? { kind: 'hold', until: answered } : undefined))
  await world.mine(3)
  const honest = await newestBlock()
  tracker.look()
  await expect.poll(() => isRange(world.http.calls), until).toBe(true)
  server.say(headNotice(invented(honest, 1)[0]))
  await heard(socket)
  sayFar()
  await expect.poll(() => socket.live, until).toBe(false)
  expect(faults()).toBe(10)
  const dropped = performance.now()
  answer()
  await expect.poll(() => tracker.lookedAt, until).toBeGreaterThan(dropped)
  expect(tracker.newest?.hash).toBe(honest.hash)
})

test('T12: while a chain is merely read, the endpoints are asked once for fifty blocks and no more', async () => {
  const { tracker, socket } = await follow({ polls: false, pollMs: 3_600_000, blockTimeMs: 1 })
  const honest = await newestBlock()
  world.http.reset()
  for (const [index, head] of [honest, ...invented(honest, 99)].entries()) {
    if (index === 51) expect(world.http.roundTrips).toBe(0)
    server.say(headNotice(head))
    await expect.poll(() => tracker.newest?.hash, until).toBe(head.hash)
  }
  await heard(socket)
  // The newest block, and whether the one that was pushed is there.
  expect(world.http.calls.map(({ method }) => method)).toEqual([
    'eth_getBlockByNumber',
    'eth_getBlockByNumber',
  ])
})

test('a burst of two hundred blocks of an honest socket is told whole and in order, and costs no fault', async () => {
  const { tracker, socket, metrics, items } = await follow({ url: world.ws.url })
  const start = Number(await world.height())
  await world.mine(200)
  await expect.poll(() => Number(tracker.newest?.number), until).toBe(start + 200)
  await expect.poll(() => items.length, until).toBe(201)
  expect(numbers(items)).toEqual(Array.from({ length: 201 }, (_, index) => start + index))
  expect(metrics.total('rpc_socket_faults')).toBe(0)
  expect(socket.live).toBe(true)
})

test('a burst while no endpoint answers is no fault: what nobody can deny is not invented', async () => {
  const { tracker, socket, metrics } = await follow({ url: world.ws.url })
  const start = await world.height()
  world.http.setFault(() => ({ kind: 'reset' }))
  await world.mine(200)
  await expect.poll(() => metrics.total('rpc_head_failures'), until).toBeGreaterThan(3)
  await world.mine(100)
  await heard(socket)
  expect(metrics.total('rpc_socket_faults')).toBe(0)
  world.http.setFault(undefined)
  await expect.poll(() => tracker.newest?.number, until).toBe(start + 300n)
})

test('F9: a reorganisation of sixty blocks comes through, and costs no fault', async () => {
  await world.mine(80)
  const { tracker, socket, metrics } = await follow({ url: world.ws.url })
  await world.reorg(60)
  await world.mine()
  const { hash } = await newestBlock()
  await expect.poll(() => tracker.newest?.hash, until).toBe(hash)
  await heard(socket)
  expect(metrics.total('rpc_socket_faults')).toBe(0)
})

async function openAccess(): Promise<ChainAccess> {
  server = await startLiar()
  const endpoints = [{ url: new Secret(world.http.url), priority: 0, socket: new Secret(server.url) }]
  const live = { socket: timing, heads: { pollMs: 20, lookMs: 3_600_000 } }
  const options = { timeoutMs: 5_000, cache: lruNodeCache(100), metrics: countingMetrics(), live }
  const access = openChainAccess(chain, endpoints, options)
  accesses.push(access)
  return access
}

const shownHeight = (access: ChainAccess) => access.shown.call('eth_blockNumber', [], unattended())

test('T12, F19: after a head from the far future what honest endpoints say is kept as before', async () => {
  const access = await openAccess()
  await shownHeight(access)
  await expect.poll(() => access.live.following(), until).toBe('socket')
  server.say(headNotice({ number: 9e6, hash: inventedHash(1, 1), parentHash: inventedHash(1, 0) }))
  await expect
    .poll(async () => (await access.live.block('latest', unattended())).number, until)
    .toBe(9_000_000n)
  await shownHeight(access)
  world.http.reset()
  await shownHeight(access)
  expect(world.http.roundTrips).toBe(0)
})
