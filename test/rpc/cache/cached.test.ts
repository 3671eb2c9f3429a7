import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { unattended } from '../../../src/primitives/abort.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { type CachedTransport, cached } from '../../../src/rpc/cache/cached.ts'
import { lifetimeOf } from '../../../src/rpc/cache/lifetimes.ts'
import { lruNodeCache } from '../../../src/rpc/cache/lruNodeCache.ts'
import { httpTransport } from '../../../src/rpc/endpoint/httpTransport.ts'
import type { RpcRequest } from '../../../src/rpc/transport.ts'
import { type Sandbox, startSandbox } from '../../../src/sandbox/startSandbox.ts'
import { type RpcProxy, startRpcProxy } from '../../support/rpcProxy.ts'
import { countingMetrics } from '../live/support/liveWorld.ts'

const AGENT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const BALANCE = { method: 'eth_getBalance', params: [AGENT, 'latest'] }

let sandbox: Sandbox
let proxy: RpcProxy
let transport: CachedTransport

beforeAll(async () => {
  sandbox = await startSandbox({ logger: silentLogger })
  proxy = await startRpcProxy(sandbox.chains[0]?.rpcUrl ?? '')
})

beforeEach(() => {
  proxy.reset()
  const http = httpTransport({ url: new Secret(proxy.url), timeoutMs: 5_000 })
  transport = cached(http, lruNodeCache(100), { chain: 'eip155:31337', confirmations: 2 })
})

afterAll(async () => {
  await proxy.close()
  await sandbox.stop()
})

test('B5: the same question is asked once', async () => {
  const first = await transport.send([BALANCE], unattended())
  const second = await transport.send([BALANCE], unattended())
  expect(first).toEqual([{ ok: true, result: '0x21e19e0c9bab2400000' }])
  expect(second).toEqual(first)
  expect(proxy.roundTrips).toBe(1)
})

test('B5: a hundred callers at once share one round trip', async () => {
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => transport.send([BALANCE], unattended())),
  )
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
  expect(proxy.roundTrips).toBe(1)
})

test('F19, R12: a new head makes every answer about the newest block unreachable', async () => {
  await transport.send([BALANCE], unattended())
  transport.headMoved()
  await transport.send([BALANCE], unattended())
  expect(proxy.roundTrips).toBe(2)
})

test('F19: an answer that was on its way when the head moved is not kept', async () => {
  proxy.setFault(() => ({ kind: 'delay', ms: 50 }))
  const early = transport.send([BALANCE], unattended())
  await expect.poll(() => proxy.roundTrips).toBe(1)
  transport.headMoved()
  await early
  await transport.send([BALANCE], unattended())
  expect(proxy.roundTrips).toBe(2)
})

test('refusals and nulls are not kept', async () => {
  const missing = { method: 'eth_getTransactionReceipt', params: [`0x${'22'.repeat(32)}`] }
  const refused = { method: 'eth_call', params: [{ to: AGENT, data: '0xzz' }, 'latest'] }
  for (const request of [missing, missing, refused, refused]) await transport.send([request], unattended())
  expect(proxy.roundTrips).toBe(4)
})

test('a caller who leaves ends its own wait and nobody else’s', async () => {
  proxy.setFault(() => ({ kind: 'delay', ms: 50 }))
  const leaving = new AbortController()
  const left = transport.send([BALANCE], leaving.signal)
  const stayed = transport.send([BALANCE], unattended())
  leaving.abort(new Error('gone'))
  await expect(left).rejects.toThrow('gone')
  expect(await stayed).toEqual([{ ok: true, result: '0x21e19e0c9bab2400000' }])
})

test('a caller who has left already asks nothing, and leaves no failure behind that nobody takes', async () => {
  let asked = 0
  const down = {
    host: 'inner',
    close: async () => undefined,
    send: async () => {
      asked += 1
      throw new Error('down')
    },
  }
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  const gone = AbortSignal.abort(new Error('gone'))
  await expect(cached(down, lruNodeCache(1), { chain: '' }).send([BALANCE], gone)).rejects.toThrow('gone')
  // Node tells of rejections that nobody took before the next turn.
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', note)
  expect({ asked, unhandled }).toEqual({ asked: 0, unhandled: [] })
})

test('a failure reaches everybody who waited, and the next caller asks again', async () => {
  proxy.setFault(() => ({ kind: 'status', code: 500 }))
  const failed = await Promise.allSettled([1, 2].map(() => transport.send([BALANCE], unattended())))
  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  proxy.setFault(undefined)
  expect(await transport.send([BALANCE], unattended())).toEqual([
    { ok: true, result: '0x21e19e0c9bab2400000' },
  ])
})

test('what must never be kept is never kept', () => {
  for (const method of [
    'eth_simulateV1',
    'eth_estimateGas',
    'eth_sendRawTransaction',
    'eth_getFilterChanges',
    'debug_traceCall',
  ]) {
    expect(lifetimeOf({ method, params: [] })).toEqual({ kind: 'never' })
  }
})

test.each([
  ['eth_getBalance', 30_000],
  ['eth_blockNumber', 12_000],
  ['eth_gasPrice', 15_000],
])('B5: %s is kept for %i ms and no longer, with no new head', (method, ms) => {
  expect(lifetimeOf({ method, params: [] })).toEqual({ kind: 'head', ms })
})

test('a cache that is full drops what was used longest ago, and says so', () => {
  const cache = lruNodeCache(2)
  cache.set('a', 1, 60_000)
  cache.set('b', 2, 60_000)
  cache.get('a')
  cache.set('c', 3, 60_000)
  expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3])
  expect(cache.stats()).toEqual({ size: 2, hits: 3, misses: 1, evictions: 1 })
  cache.close()
})

test('F27: a cache that is closed leaves nothing behind that runs', () => {
  vi.useFakeTimers()
  try {
    const cache = lruNodeCache(10)
    cache.set('balance', 1, 30_000)
    expect(vi.getTimerCount()).toBe(1)
    cache.close()
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('F20: a clock that is set back makes nothing live longer, one that is set forward lets it go', () => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'] })
  try {
    const cache = lruNodeCache(10)
    cache.set('balance', 1, 30_000)
    vi.setSystemTime(Date.now() - 2 * 3_600_000)
    vi.advanceTimersByTime(29_999)
    expect(cache.get('balance')).toBe(1)
    vi.advanceTimersByTime(1)
    expect(cache.get('balance')).toBeUndefined()
    expect(cache.stats().size).toBe(0)
    cache.set('balance', 2, 30_000)
    vi.setSystemTime(Date.now() + 3_600_000)
    expect(cache.get('balance')).toBeUndefined()
    cache.close()
  } finally {
    vi.useRealTimers()
  }
})

test('M1: hits, misses and what a full cache drops are told to the metrics', async () => {
  const metrics = countingMetrics()
  const [first, second] = ['0x1', '0x2'].map((account): RpcRequest => {
    return { method: 'eth_getBalance', params: [account, 'latest'] }
  }) as [RpcRequest, RpcRequest]
  const answers = { host: 'node.example', close: async () => undefined }
  const inner = { ...answers, send: async () => [{ ok: true, result: '0x1' } as const] }
  const transport = cached(inner, lruNodeCache(1), { chain: 'eip155:1', metrics })
  for (const request of [first, first, second]) await transport.send([request], unattended())
  const labels = { chain: 'eip155:1', method: 'eth_getBalance' }
  expect(metrics.total('rpc_cache_hits', labels)).toBe(1)
  expect(metrics.total('rpc_cache_misses', labels)).toBe(2)
  expect(metrics.total('rpc_cache_evictions')).toBe(1)
  expect(metrics.total('rpc_cache_entries')).toBe(1)
})

test('property: two questions share an entry exactly when they are the same question', async () => {
  const json = fc.jsonValue({ maxDepth: 2 })
  const question = fc.record({ method: fc.constant('eth_call'), params: fc.array(json, { maxLength: 3 }) })
  await fc.assert(
    fc.asyncProperty(question, question, async (one, other) => {
      let asked = 0
      const inner = {
        host: 'inner',
        close: async () => undefined,
        send: async () => [{ ok: true as const, result: `answer ${++asked}` }],
      }
      const cache = lruNodeCache(100)
      const kept = cached(inner, cache, { chain: 'eip155:1' })
      await kept.send([one], unattended())
      await kept.send([other], unattended())
      cache.close()
      const same = JSON.stringify(sorted(one.params)) === JSON.stringify(sorted(other.params))
      expect(asked).toBe(same ? 1 : 2)
    }),
  )
})

/** Objects in one order of their members, by another way than the code under test. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value
  return Object.keys(value)
    .sort()
    .map((key) => [key, sorted((value as Record<string, unknown>)[key])])
    .concat([['{}', '{}']])
}

/** Tells of these blocks, one after the other, and then of the last for ever. */
function telling(...heads: bigint[]) {
  let at = 0
  const transport = cached(
    {
      host: 'node.example',
      close: async () => undefined,
      send: async (requests) => {
        const head = heads[Math.min(at++, heads.length - 1)] ?? 0n
        return requests.map(() => ({ ok: true, result: `0x${head.toString(16)}` }))
      },
    },
    lruNodeCache(100),
    { chain: 'eip155:31337' },
  )
  return async (method = 'eth_blockNumber') => {
    transport.headMoved()
    const [outcome] = await transport.send([{ method, params: [] }], unattended())
    return outcome?.ok ? outcome.result : outcome
  }
}

test('B5: the head that is shown does not go back with a node that is behind', async () => {
  const shown = telling(10n, 9n, 9n, 10n, 9n, 11n)
  expect([await shown(), await shown(), await shown()]).toEqual(['0xa', '0xa', '0xb'])
})

test('B5: nor after an answer that tells of no head at all', async () => {
  const shown = telling(10n, 5n, 9n, 11n)
  expect(await shown()).toBe('0xa')
  await shown('eth_gasPrice')
  expect(await shown()).toBe('0xb')
})

test('B5: where the chain went back, so does the head that is shown', async () => {
  const shown = telling(10n, 9n)
  expect([await shown(), await shown(), await shown()]).toEqual(['0xa', '0x9', '0x9'])
})
