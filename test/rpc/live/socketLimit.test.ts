import { afterEach, expect, test } from 'vitest'
import { BursarError } from '../../../src/errors/bursarError.ts'
import { unattended } from '../../../src/primitives/abort.ts'
import { systemClock } from '../../../src/primitives/clock.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { silentMetrics } from '../../../src/primitives/metrics.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import type { RateLimiter } from '../../../src/rpc/endpoint/rateLimiter.ts'
import { SocketConnection } from '../../../src/rpc/live/socketConnection.ts'
import { type RawSocketServer, startRawSocketServer } from '../../support/rawSocketServer.ts'

// A socket shares the limit of its provider's calls: whatever it says takes a place.

const until = { timeout: 10_000, interval: 5 }
const chainId = { method: 'eth_chainId', params: [] }
const nothing = { notice: () => undefined, changed: () => undefined }

let server: RawSocketServer
let socket: SocketConnection
let heard: string[]
/** What had been heard more than was allowed, whenever it was. */
let tooMuch: string[]
let places: number
/** Calls that the limiter turns away as it does when the wait is too long. */
let refusals: number

afterEach(async () => {
  await socket.close()
  await server.close()
})

const limiter: RateLimiter = {
  async acquire(calls, signal) {
    signal.throwIfAborted()
    if (refusals > 0) {
      refusals -= 1
      throw new BursarError('provider_throttled', { host: 'node.example', retryAfterMs: 20 })
    }
    places += calls
    return calls
  },
  throttled: () => undefined,
  waitMs: () => 0,
  report: () => ({ limit: 10, current: 10, waiting: 0, heldUp: false }),
  close: async () => undefined,
}

async function connected(heartbeatMs: number): Promise<void> {
  heard = []
  tooMuch = []
  places = 0
  refusals = 0
  server = await startRawSocketServer(({ method }) => {
    heard.push(method)
    if (heard.length > places) tooMuch.push(method)
    return method === 'eth_subscribe' ? '0xf00d' : '0x7a69'
  })
  socket = new SocketConnection({
    chain: 'eip155:31337',
    identity: { method: 'eth_chainId', expected: '0x7a69' },
    endpoints: [{ url: new Secret(server.url), limiter }],
    timing: { timeoutMs: 2_000, heartbeatMs, heartbeatTimeoutMs: 1_000, backoff: { minMs: 5, maxMs: 40 } },
    clock: systemClock,
    metrics: silentMetrics,
    logger: silentLogger,
  })
  socket.start()
  await expect.poll(() => socket.live, until).toBe(true)
}

test('B4: everything that a socket says has a place within the limit', async () => {
  await connected(3_600_000)
  expect(heard).toEqual(['eth_chainId'])
  expect(places).toBe(1)
  const wanted = new AbortController()
  const subscription = socket.subscribe(['newHeads'], nothing, wanted.signal)
  await expect.poll(() => subscription.active, until).toBe(true)
  expect(places).toBe(2)
  await socket.send([chainId, chainId, chainId], unattended())
  expect(places).toBe(5)
  wanted.abort()
  await expect.poll(() => heard.at(-1), until).toBe('eth_unsubscribe')
  expect(heard).toHaveLength(6)
  expect(places).toBe(6)
  expect(tooMuch).toEqual([])
})

test('B4: so has each heartbeat', async () => {
  await connected(20)
  await expect.poll(() => heard.length, until).toBeGreaterThan(4)
  expect(new Set(heard)).toEqual(new Set(['eth_chainId']))
  expect(tooMuch).toEqual([])
})

test('B4: a socket outlives that our own limit has no place for what it would say', async () => {
  await connected(20)
  refusals = 8
  const wanted = new AbortController()
  const subscription = socket.subscribe(['newHeads'], nothing, wanted.signal)
  await expect.poll(() => subscription.active, until).toBe(true)
  await expect.poll(() => refusals, until).toBe(0)
  refusals = 3
  wanted.abort()
  await expect.poll(() => heard.filter((method) => method === 'eth_unsubscribe').length, until).toBe(1)
  expect(server.accepted).toBe(1)
  expect(socket.report()).toMatchObject({ state: 'live', reconnects: 0 })
})
