import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { unattended } from '../../../src/primitives/abort.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { BlockReader } from '../../../src/rpc/live/blockReader.ts'
import { HeadTracker } from '../../../src/rpc/live/headTracker.ts'
import type { SocketConnection, SocketOptions } from '../../../src/rpc/live/socketConnection.ts'
import type { RawSocketServer } from '../../support/rawSocketServer.ts'
import { headNotice, inventedHash, recordingLogger, startLiar } from './support/liarWorld.ts'
import { chain, countingMetrics, type LiveWorld, startLiveWorld, timing } from './support/liveWorld.ts'

// A provider that sends garbage costs a line of the log and at last its connection, however much it sends.

const until = { timeout: 10_000, interval: 5 }
let world: LiveWorld
let server: RawSocketServer
const running: AbortController[] = []
beforeAll(async () => {
  world = await startLiveWorld()
})
afterEach(async () => {
  for (const each of running.splice(0)) each.abort()
  await world.closeSockets()
  await server.close()
})
afterAll(() => world.stop())

async function follow(options: Partial<SocketOptions> = {}) {
  server = await startLiar()
  const metrics = countingMetrics()
  const logger = recordingLogger()
  const endpoints = [{ url: new Secret(`${server.url}/SECRETKEY`) }, ...(options.endpoints ?? [])]
  const socket = world.socket({ metrics, logger, ...options, endpoints })
  const stop = new AbortController()
  running.push(stop)
  const reader = new BlockReader(world.client, socket)
  const never = { pollMs: 3_600_000, lookMs: 3_600_000 }
  const parts = { chain, reader, socket, timing: never, metrics, logger: silentLogger }
  const tracker = new HeadTracker({ ...parts, polls: () => false })
  void tracker.run(stop.signal)
  socket.start()
  await expect.poll(() => tracker.following, until).toBe('socket')
  return { socket, tracker, metrics, logger }
}

/** What was said before has been heard. */
const heard = (socket: SocketConnection) => socket.send([{ method: 'eth_chainId', params: [] }], unattended())

const NO_HEADS: readonly (readonly [string, unknown])[] = [
  ['null', null],
  ['a text', 'SECRETKEY'],
  ['a list', []],
  ['a head without hash', { number: '0x1' }],
  ['a head whose number is a number', { number: 1, hash: 'ab', parentHash: 'cd', timestamp: '0x1' }],
]

test.each(NO_HEADS)(
  'T12: %s as a head costs one line, and the connection the tenth time',
  async (_what, head) => {
    const { socket, metrics, logger } = await follow()
    for (let n = 1; n <= 9; n++) server.say(headNotice(head))
    await heard(socket)
    expect(server.accepted).toBe(1)
    expect(logger.count('a socket misbehaves')).toBe(1)
    server.say(headNotice(head))
    await expect.poll(() => server.accepted, until).toBe(2)
    expect(metrics.total('rpc_socket_faults', { fault: 'malformed' })).toBe(10)
    expect(logger.count('a socket misbehaves')).toBe(1)
    const lost = logger.lines.find(({ message }) => message === 'socket lost')
    expect(lost?.fields).toMatchObject({
      malformed: 10,
      reason: expect.stringContaining('10 of its messages were wrong'),
    })
    expect(logger.text()).not.toContain('SECRETKEY')
  },
)

test('T12: ten thousand malformed heads at once are counted ten times and logged once', async () => {
  const { socket, metrics, logger } = await follow()
  server.say(headNotice(null))
  await expect.poll(() => metrics.total('rpc_socket_faults'), until).toBe(1)
  for (let n = 1; n <= 10_000; n++) server.say(headNotice({ hash: n }))
  await expect.poll(() => socket.report().reason, until).toMatch(/10 of its messages were wrong/)
  await expect.poll(() => socket.live, until).toBe(true)
  await heard(socket)
  expect(metrics.total('rpc_socket_faults')).toBe(10)
  expect(logger.count('a socket misbehaves')).toBe(1)
  expect(logger.count('socket lost')).toBe(1)
})

test('a good head between malformed ones is followed as ever', async () => {
  const { socket, tracker } = await follow()
  for (let n = 1; n <= 5; n++) server.say(headNotice(null))
  server.say(headNotice({ number: 7, hash: inventedHash(1, 7), parentHash: inventedHash(1, 6) }))
  await heard(socket)
  await expect.poll(() => tracker.newest?.number, until).toBe(7n)
})

test('T12: the next endpoint is first after one that sends garbage, and serves', async () => {
  const { socket } = await follow({ endpoints: [{ url: new Secret(world.ws.url) }] })
  for (let n = 1; n <= 10; n++) server.say(headNotice(null))
  await expect.poll(() => socket.live && socket.host, until).toBe(new URL(world.ws.url).host)
  expect(server.accepted).toBe(1)
})

test('T12: one that sends garbage each time is waited for longer and longer, however long it seemed to serve', async () => {
  const waits: number[] = []
  const { socket, tracker } = await follow({
    random: () => 0,
    timing: { ...timing, backoff: { minMs: 10, maxMs: 60 } },
    delay: async (ms) => {
      waits.push(ms)
    },
  })
  for (let round = 1; round <= 5; round++) {
    await expect.poll(() => tracker.following, until).toBe('socket')
    // Longer than after which a connection counts as one that has served.
    const since = performance.now()
    await expect.poll(() => performance.now() - since, until).toBeGreaterThan(40)
    for (let n = 1; n <= 10; n++) server.say(headNotice(null))
    await expect.poll(() => waits.length, until).toBe(round)
  }
  expect(waits).toEqual([5, 10, 20, 30, 30])
  expect(socket.report().reconnects).toBeGreaterThan(3)
})

test('T12: what is no JSON-RPC ends the connection at once, with a reason and a count', async () => {
  const { socket, metrics, logger } = await follow()
  server.say('<html>SECRETKEY</html>')
  await expect.poll(() => server.accepted, until).toBe(2)
  expect(socket.report().reason).toBe('what it says is no JSON-RPC')
  expect(metrics.total('rpc_socket_faults', { fault: 'malformed' })).toBe(1)
  expect(logger.count('a socket misbehaves')).toBe(1)
  expect(logger.text()).not.toContain('SECRETKEY')
})
