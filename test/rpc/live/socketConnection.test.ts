import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { unattended } from '../../../src/primitives/abort.ts'
import type { LogFields, Logger } from '../../../src/primitives/logger.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { PendingCalls } from '../../../src/rpc/live/pendingCalls.ts'
import { countingMetrics, type LiveWorld, startLiveWorld, timing } from './support/liveWorld.ts'

let world: LiveWorld
beforeAll(async () => {
  world = await startLiveWorld()
})
afterEach(async () => {
  world.ws.heal()
  world.ws.retarget(world.anvilUrl)
  await world.closeSockets()
})
afterAll(() => world.stop())

const chainId = { method: 'eth_chainId', params: [] }
const until = { timeout: 10_000, interval: 10 }

function recordingLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = []
  const write = (message: string, fields?: LogFields) => void lines.push(inspect([message, fields]))
  return { lines, debug: write, info: write, warn: write, error: write }
}

test('answers calls by id, however many are under way', async () => {
  const socket = world.socket()
  socket.start()
  await expect.poll(() => socket.live, until).toBe(true)
  const heights = Array.from({ length: 50 }, (_, n) => ({
    method: 'eth_getBlockByNumber',
    params: ['0x0', n % 2 === 1],
  }))
  const outcomes = await socket.send([...heights, chainId], unattended())
  expect(outcomes).toHaveLength(51)
  expect(outcomes.at(-1)).toEqual({ ok: true, result: '0x7a69' })
  expect(outcomes.slice(0, -1).every((outcome) => outcome.ok)).toBe(true)
})

test('R7: sends nothing but reads', async () => {
  const socket = world.socket()
  socket.start()
  await expect.poll(() => socket.live, until).toBe(true)
  const send = { method: 'eth_sendRawTransaction', params: ['0x00'] }
  await expect(socket.send([chainId, send], unattended())).rejects.toMatchObject({ code: 'send_forbidden' })
  await expect(socket.send([{ method: 'anvil_mine', params: [] }], unattended())).rejects.toMatchObject({
    code: 'send_forbidden',
  })
})

test('a half-open socket is noticed by the heartbeat and replaced', async () => {
  const metrics = countingMetrics()
  const socket = world.socket({ metrics })
  socket.start()
  await expect.poll(() => socket.live, until).toBe(true)
  world.ws.freeze()
  await expect.poll(() => socket.live, until).toBe(false)
  expect(socket.report().reason).toMatch(/no answer within 200 ms/)
  world.ws.heal()
  await expect.poll(() => socket.live, until).toBe(true)
  expect(await socket.send([chainId], unattended())).toEqual([{ ok: true, result: '0x7a69' }])
  expect(metrics.total('rpc_socket_reconnects')).toBe(1)
  expect(socket.report()).toMatchObject({ reconnects: 1, state: 'live' })
  expect(socket.report().uptime).toBeLessThan(1)
  // The old connection is not left behind half-open.
  await expect.poll(() => world.ws.open, until).toBe(1)
})

test('a call under way fails at once when the connection is cut, and when it is down', async () => {
  const socket = world.socket({ delay: () => new Promise((resolve) => setTimeout(resolve, 100)) })
  socket.start()
  await expect.poll(() => socket.live, until).toBe(true)
  world.ws.freeze()
  const call = socket.send([chainId], unattended())
  world.ws.cut()
  await expect(call).rejects.toMatchObject({ code: 'provider_unreachable' })
  await expect(socket.send([chainId], unattended())).rejects.toMatchObject({
    code: 'provider_unreachable',
    context: { reason: 'the socket is down' },
  })
})

test('R13: another chain behind the same address is refused after a reconnect', async () => {
  const socket = world.socket()
  const notices: unknown[] = []
  const wanted = new AbortController()
  socket.subscribe(
    ['newHeads'],
    { notice: (result) => notices.push(result), changed: () => undefined },
    wanted.signal,
  )
  socket.start()
  await expect.poll(() => socket.live, until).toBe(true)
  world.ws.retarget(world.otherChainUrl)
  const before = world.ws.accepted
  world.ws.cut()
  await expect.poll(() => world.ws.accepted - before, until).toBeGreaterThan(2)
  expect(socket.live).toBe(false)
  expect(socket.report().reason).toMatch(/serves chain 31338, not eip155:31337/)
  expect(notices).toEqual([])
  world.ws.retarget(world.anvilUrl)
  await expect.poll(() => socket.live, until).toBe(true)
})

test('subscriptions come back after every cut, and end with their signal', async () => {
  const socket = world.socket()
  const numbers: string[] = []
  let changes = 0
  const wanted = new AbortController()
  const subscription = socket.subscribe(
    ['newHeads'],
    {
      notice: (result) => numbers.push((result as { number: string }).number),
      changed: () => {
        changes++
      },
    },
    wanted.signal,
  )
  expect(subscription.active).toBe(false)
  socket.start()
  for (let round = 1; round <= 5; round++) {
    await expect.poll(() => subscription.active, until).toBe(true)
    await world.mine()
    await expect.poll(() => numbers.length, until).toBe(round)
    world.ws.cut()
    await expect.poll(() => subscription.active && changes === round * 2 + 1, until).toBe(true)
  }
  wanted.abort()
  expect(subscription.active).toBe(false)
  await world.mine()
  await socket.send([chainId], unattended())
  expect(numbers).toHaveLength(5)
})

test('waits between tries double up to a bound, with jitter, and begin anew after a good time', async () => {
  const waits: number[] = []
  const socket = world.socket({
    timing: { ...timing, backoff: { minMs: 100, maxMs: 1_000 } },
    random: () => 0.5,
    delay: async (ms) => {
      waits.push(ms)
    },
  })
  world.ws.refuse()
  socket.start()
  await expect.poll(() => waits.length, until).toBeGreaterThan(6)
  expect(waits.slice(0, 6)).toEqual([75, 150, 300, 600, 750, 750])
  world.ws.heal()
  await expect.poll(() => socket.live, until).toBe(true)
  // Twice the shortest wait, and less than the one that would have come next.
  const since = performance.now()
  await expect.poll(() => performance.now() - since, until).toBeGreaterThan(300)
  waits.length = 0
  world.ws.refuse()
  world.ws.cut()
  await expect.poll(() => waits.length, until).toBeGreaterThan(3)
  expect(waits.slice(0, 4)).toEqual([75, 150, 300, 600])
})

test('the next endpoint serves when the first cannot be used', async () => {
  const socket = world.socket({
    endpoints: [{ url: new Secret('ws://127.0.0.1:9/') }, { url: new Secret(world.ws.url) }],
  })
  socket.start()
  await expect.poll(() => socket.live, until).toBe(true)
  expect(socket.host).toBe(new URL(world.ws.url).host)
})

test('T14: neither errors, logs nor reports show more of the URL than its host', async () => {
  const logger = recordingLogger()
  const socket = world.socket({ logger })
  const outputs: unknown[] = []
  const tell = async () =>
    outputs.push(socket.report(), await socket.send([chainId], unattended()).catch((e) => e))
  world.ws.refuse()
  socket.start()
  await expect.poll(() => socket.report().reason, until).toBeDefined()
  await tell()
  world.ws.heal()
  await expect.poll(() => socket.live, until).toBe(true)
  world.ws.freeze()
  await expect.poll(() => socket.live, until).toBe(false)
  await tell()
  world.ws.retarget(world.otherChainUrl)
  world.ws.heal()
  world.ws.cut()
  await expect.poll(() => socket.report().reason, until).toMatch(/31338/)
  await tell()
  const said = inspect([outputs, logger.lines, socket], { depth: 12 })
  expect(logger.lines.length).toBeGreaterThan(2)
  expect(said).toContain('127.0.0.1')
  expect(said).not.toContain('SECRETKEY')
})

test('close ends the connection and the tries', async () => {
  const socket = world.socket()
  socket.start()
  await expect.poll(() => socket.live, until).toBe(true)
  await socket.close()
  expect(socket.live).toBe(false)
  const { accepted } = world.ws
  await expect.poll(() => world.ws.open, until).toBe(0)
  expect(world.ws.accepted).toBe(accepted)
})

test('memory is bounded: no more calls wait for an answer than were agreed, and none on a dead line', async () => {
  const calls = new PendingCalls('host', 2)
  const never = () => undefined
  const ask = () => calls.ask(chainId, never, 60_000, unattended())
  const waiting = [ask(), ask()]
  await expect(ask()).rejects.toMatchObject({ context: { reason: '2 calls wait for it already' } })
  calls.failAll('the line is dead')
  for (const call of [...waiting, ask()]) {
    await expect(call).rejects.toMatchObject({
      code: 'provider_unreachable',
      context: { reason: 'the line is dead' },
    })
  }
})

test('a server that ends each connection at once is not dialled at full speed', async () => {
  const waits: number[] = []
  const socket = world.socket({
    timing: { ...timing, backoff: { minMs: 1_000, maxMs: 100_000 } },
    random: () => 0,
    delay: async (ms) => {
      waits.push(ms)
    },
  })
  socket.start()
  for (let cut = 1; cut <= 4; cut++) {
    await expect.poll(() => socket.live, until).toBe(true)
    world.ws.cut()
    await expect.poll(() => waits.length, until).toBe(cut)
  }
  expect(waits).toEqual([500, 1_000, 2_000, 4_000])
})
