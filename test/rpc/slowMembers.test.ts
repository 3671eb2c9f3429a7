import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BursarError } from '../../src/errors/bursarError.ts'
import { unattended } from '../../src/primitives/abort.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import type { RateLimiter } from '../../src/rpc/endpoint/rateLimiter.ts'
import { Member } from '../../src/rpc/pool/member.ts'
import { type Pool, pooled } from '../../src/rpc/pool/pool.ts'
import { race } from '../../src/rpc/pool/race.ts'
import { Selection } from '../../src/rpc/pool/selection.ts'
import type { RpcRequest, RpcTransport } from '../../src/rpc/transport.ts'

// What a pool makes of an endpoint that is slow. Time is the test's.
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const BALANCE: RpcRequest = { method: 'eth_getBalance', params: ['0x1', 'latest'] }

interface Node {
  /** How long it takes; undefined: for ever. */
  delayMs: number | undefined
  /** Balances that it was asked for, and how many of these calls we ended before it had answered. */
  asked: number
  ended: number
}

const node = (delayMs: number | undefined): Node => ({ delayMs, asked: 0, ended: 0 })

function transportTo(each: Node): RpcTransport {
  return {
    host: 'node.example',
    close: async () => undefined,
    send([request], signal) {
      const counts = request?.method === 'eth_getBalance'
      if (counts) each.asked += 1
      return new Promise((resolve, reject) => {
        const leave = () => {
          if (counts) each.ended += 1
          reject(signal.reason)
        }
        const answer = () => {
          signal.removeEventListener('abort', leave)
          resolve([{ ok: true, result: '0x1' }])
        }
        signal.addEventListener('abort', leave)
        if (each.delayMs !== undefined) setTimeout(answer, each.delayMs)
      })
    },
  }
}

/** A rate limit that says how long it holds calls back, and whether it just did. */
function limiterThat(waitMs: number, heldUp: boolean): RateLimiter {
  return {
    acquire: async (calls) => calls,
    throttled: () => undefined,
    waitMs: () => waitMs,
    report: () => ({ limit: 10, current: 10, waiting: 0, heldUp }),
    close: async () => undefined,
  }
}

function poolOf(nodes: readonly Node[], limiter?: RateLimiter): Pool {
  const members = nodes.map((each, priority) => ({
    ...{ transport: transportTo(each), priority, weight: 1, limiter },
  }))
  return pooled(members, {
    ...{ chain: 'eip155:1', maxLag: 2n, blockTimeMs: 12_000, metrics: silentMetrics },
  })
}

async function ask(pool: Pool, ms: number) {
  const answer = pool.send([BALANCE], unattended())
  await vi.advanceTimersByTimeAsync(ms)
  return answer
}

test('B4: the time that our own rate limit holds a call back is not taken for slowness', async () => {
  const nodes = [node(3_100), node(1)]
  expect(await ask(poolOf(nodes, limiterThat(3_000, true)), 3_200)).toEqual([{ ok: true, result: '0x1' }])
  expect(nodes.map(({ asked }) => asked)).toEqual([1, 0])
})

test('F17: a call that is slow after it was let through gets company all the same', async () => {
  const nodes = [node(undefined), node(1)]
  expect(await ask(poolOf(nodes, limiterThat(3_000, true)), 3_200)).toEqual([{ ok: true, result: '0x1' }])
  expect(nodes.map(({ asked }) => asked)).toEqual([1, 1])
})

test('B4: when one has answered, the calls of the others are ended', async () => {
  const nodes = [node(undefined), node(1), node(1)]
  await ask(poolOf(nodes), 500)
  expect(nodes).toMatchObject([
    { asked: 1, ended: 1 },
    { asked: 1, ended: 0 },
    { asked: 0, ended: 0 },
  ])
})

test('F17: an endpoint that others overtake three times in a row is given a rest', async () => {
  const nodes = [node(undefined), node(1)]
  const pool = poolOf(nodes)
  for (let call = 0; call < 2; call++) await ask(pool, 500)
  expect(pool.report()).toMatchObject([{ state: 'healthy' }, { state: 'healthy', errorRate: 0 }])
  await ask(pool, 500)
  expect(pool.report()).toMatchObject([
    { state: 'open', problem: 'provider_unreachable' },
    { state: 'healthy', errorRate: 0 },
  ])
  await ask(pool, 500)
  expect(nodes.map(({ asked }) => asked)).toEqual([3, 4])
})

test('B4: an endpoint whose calls we held back ourselves is not blamed for being overtaken', async () => {
  const nodes = [node(undefined), node(1)]
  const pool = poolOf(nodes, limiterThat(0, true))
  for (let call = 0; call < 5; call++) await ask(pool, 500)
  expect(pool.report()).toMatchObject([{ state: 'healthy', errorRate: 0 }, { state: 'healthy' }])
})

test('B4: calls that are in flight when an endpoint falls silent do not wait for the budget of second calls', async () => {
  const nodes = [node(undefined), node(1)]
  const pool = poolOf(nodes)
  const answers = Promise.all(Array.from({ length: 300 }, () => pool.send([BALANCE], unattended())))
  await vi.advanceTimersByTimeAsync(400)
  expect(await Promise.race([answers, 'waiting'])).toHaveLength(300)
  expect(nodes).toMatchObject([
    { asked: 300, ended: 300 },
    { asked: 300, ended: 0 },
  ])
})

test('B4: a call that has company does not ask a third one when the first is given a rest', async () => {
  const nodes = [node(undefined), node(300), node(1)] as const
  const members = nodes.map((each) => new Member({ transport: transportTo(each), priority: 0, weight: 1 }))
  const answer = race(members, [BALANCE], unattended(), { hedgeAfterMs: 200 })
  await vi.advanceTimersByTimeAsync(201)
  for (let time = 0; time < 3; time++) members[0]?.overtaken()
  await vi.advanceTimersByTimeAsync(100)
  expect([members[0]?.closed, ...nodes.map(({ asked }) => asked)]).toEqual([false, 1, 1, 0])
  await vi.advanceTimersByTimeAsync(300)
  await answer
})

test('B1: equals share the calls, each by its weight', async () => {
  const nodes = [node(1), node(1)] as const
  const members = nodes.map((each, index) => ({
    ...{ transport: transportTo(each), priority: 0, weight: [1, 3][index] ?? 0 },
  }))
  const pool = pooled(members, {
    ...{ chain: 'eip155:1', maxLag: 2n, blockTimeMs: 12_000, metrics: silentMetrics },
  })
  for (let call = 0; call < 40; call++) await ask(pool, 1)
  expect(nodes.map(({ asked }) => asked)).toEqual([10, 30])
})

test('B4: of those whose rate limit is reached the one that waits least is asked first', () => {
  const members = [500, 200, 300].map((waitMs) => {
    const limiter = limiterThat(waitMs, true)
    return new Member({ transport: transportTo(node(1)), priority: 0, weight: 1, limiter })
  })
  const order = new Selection(members, 2n).order(1)
  expect(order.map((member) => member.waitMs(1))).toEqual([200, 300, 500])
})

test('R13: where nothing is usable an endpoint of another chain is the last to be asked', () => {
  const member = (priority: number) => new Member({ transport: transportTo(node(1)), priority, weight: 1 })
  const [other, doubted] = [member(0), member(1)]
  const context = { host: 'node.example', expected: 'eip155:1', found: '2' }
  other.saw(new BursarError('provider_wrong_chain', context, { chain: 'eip155:1' }))
  doubted.doubted = true
  expect(new Selection([other, doubted], 2n).order(1)).toEqual([doubted, other])
})

test('B4: where all are slow the budget holds: nobody rests, and calls are not doubled', async () => {
  const nodes = [node(3_000), node(3_000)]
  const pool = poolOf(nodes)
  const answers = Promise.all(Array.from({ length: 300 }, () => pool.send([BALANCE], unattended())))
  await vi.advanceTimersByTimeAsync(3_200)
  expect(await answers).toHaveLength(300)
  expect(nodes.map(({ asked }) => asked)).toEqual([300, 100])
})

test('F17: a black hole that is tried again and loses the race stays out until it answers', async () => {
  let works: boolean | undefined = false
  const member = new Member({
    transport: {
      host: 'node.example',
      close: async () => undefined,
      send: (_, signal) =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
          if (works) resolve([{ ok: true, result: '0x1' }])
          if (works !== false) return
          reject(new BursarError('provider_unreachable', { host: 'node.example', reason: 'HTTP 500' }))
        }),
    },
    ...{ priority: 0, weight: 1 },
  })
  const state = () => member.report(undefined, 2n).state
  for (let call = 0; call < 3; call++) await member.send([BALANCE], unattended()).catch(() => undefined)
  expect(state()).toBe('open')
  works = undefined
  for (let round = 0; round < 3; round++) {
    await vi.advanceTimersByTimeAsync(2_001)
    const race = new AbortController()
    const test = expect(member.send([BALANCE], race.signal)).rejects.toMatchObject({ name: 'AbortError' })
    // Others who come while it is tested are turned away with it, and not let through one after the other.
    const other = expect(member.send([BALANCE], unattended())).rejects.toMatchObject({
      context: { reason: 'it failed several times and is given a rest' },
    })
    expect(state()).toBe('probing')
    race.abort()
    await Promise.all([test, other])
    expect(state()).toBe('open')
  }
  works = true
  await vi.advanceTimersByTimeAsync(2_001)
  expect(await member.send([BALANCE], unattended())).toEqual([{ ok: true, result: '0x1' }])
  expect(state()).toBe('healthy')
})
