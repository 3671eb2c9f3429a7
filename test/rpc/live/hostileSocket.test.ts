import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { BlockReader } from '../../../src/rpc/live/blockReader.ts'
import { HeadTracker } from '../../../src/rpc/live/headTracker.ts'
import { frameHead, type RawSocketServer, startRawSocketServer } from '../../support/rawSocketServer.ts'
import { chain, countingMetrics, type LiveWorld, startLiveWorld } from './support/liveWorld.ts'

// A node that says what it likes: it costs neither memory, nor the quota of other endpoints, nor the truth.

const until = { timeout: 10_000, interval: 10 }
let world: LiveWorld
let server: RawSocketServer
const running: AbortController[] = []
beforeAll(async () => {
  world = await startLiveWorld()
})
afterEach(async () => {
  for (const each of running.splice(0)) each.abort()
  await world.closeSockets()
  world.http.reset()
  await server.close()
})
afterAll(() => world.stop())

/** Serves the right chain id, takes every subscription, and knows no block. */
const asked = ({ method }: { method: string }) =>
  method === 'eth_chainId' ? '0x7a69' : method === 'eth_subscribe' ? '0xf00d' : null

async function connect(answer = asked) {
  server = await startRawSocketServer(answer)
  const socket = world.socket({ endpoints: [{ url: new Secret(server.url) }] })
  socket.start()
  await expect.poll(() => socket.live, until).toBe(true)
  return socket
}

const notice = (number: number, parent = 'cd') =>
  JSON.stringify({
    jsonrpc: '2.0',
    method: 'eth_subscription',
    params: {
      subscription: '0xf00d',
      result: {
        number: `0x${number.toString(16)}`,
        hash: `0x${number.toString(16).padStart(64, 'a')}`,
        parentHash: `0x${parent.repeat(32)}`,
        timestamp: '0x1',
      },
    },
  })

test.each([
  ['a frame of 65 MB', frameHead(65 * 1024 * 1024)],
  ['a frame longer than any memory', frameHead(2 ** 50)],
  ['bytes that are no frame', Buffer.from('\xff\xff\xff\xffnonsense', 'latin1')],
])('%s ends the connection before it is read, and the next one serves', async (_what, bytes) => {
  const socket = await connect()
  const before = process.memoryUsage().arrayBuffers
  server.bytes(bytes)
  await expect.poll(() => server.accepted, until).toBeGreaterThan(1)
  await expect.poll(() => socket.live, until).toBe(true)
  // The frame itself was the end, and not the silence after it.
  expect(socket.report().reason).toBe('the connection was lost')
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
})

test.each([
  ['no JSON', '{"jsonrpc":"2.0","id":1,'],
  ['an answer without id', '{"jsonrpc":"2.0","result":"0x1"}'],
  ['a notice of nothing', '{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":7}}'],
  ['null', 'null'],
])('%s ends the connection, and the next one serves', async (_what, text) => {
  const socket = await connect()
  server.say(text)
  await expect.poll(() => server.accepted, until).toBeGreaterThan(1)
  await expect.poll(() => socket.live, until).toBe(true)
})

test('answers that nobody asked for and notices of unknown subscriptions are dropped', async () => {
  const socket = await connect()
  server.say('{"jsonrpc":"2.0","id":987654,"result":"0x1"}')
  server.say(notice(5).replace('0xf00d', '0xbad'))
  const outcomes = await socket.send([{ method: 'eth_chainId', params: [] }], new AbortController().signal)
  expect(outcomes).toEqual([{ ok: true, result: '0x7a69' }])
  expect(server.accepted).toBe(1)
})

function follow(socket: Awaited<ReturnType<typeof connect>>) {
  const stop = new AbortController()
  running.push(stop)
  const reader = new BlockReader(world.client, socket)
  const timing = { pollMs: 60_000, lookMs: 60_000 }
  const metrics = countingMetrics()
  const parts = { chain, reader, socket, timing, metrics, logger: silentLogger }
  const tracker = new HeadTracker({ ...parts, polls: () => true })
  void tracker.run(stop.signal)
  return tracker
}

test('T12: heads that lead nowhere cost one read each minute and not one each, and are not believed', async () => {
  const socket = await connect()
  const tracker = follow(socket)
  const height = Number(await world.height())
  await expect.poll(() => tracker.newest?.number, until).toBe(BigInt(height))
  await expect.poll(() => tracker.following, until).toBe('socket')
  world.http.reset()
  for (let count = 1; count <= 50; count++) {
    server.say(notice(height + 2 + (count % 3)))
    // Each is heard before the next one is said.
    await socket.send([{ method: 'eth_chainId', params: [] }], new AbortController().signal)
  }
  await expect.poll(() => world.http.roundTrips, until).toBeGreaterThan(0)
  expect(world.http.roundTrips).toBeLessThanOrEqual(3)
  expect(tracker.newest?.number).toBe(BigInt(height))
})

test('T12: a head far above ours is not taken from a socket alone', async () => {
  const socket = await connect()
  const tracker = follow(socket)
  const height = await world.height()
  await expect.poll(() => tracker.newest?.number, until).toBe(height)
  await expect.poll(() => tracker.following, until).toBe('socket')
  server.say(notice(9_000_000))
  await socket.send([{ method: 'eth_chainId', params: [] }], new AbortController().signal)
  expect(tracker.newest?.number).toBe(height)
})
