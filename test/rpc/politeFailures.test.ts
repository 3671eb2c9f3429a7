import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { BursarError } from '../../src/errors/bursarError.ts'
import { unattended } from '../../src/primitives/abort.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import { chainClient } from '../../src/rpc/chainClient.ts'
import { pooled } from '../../src/rpc/pool/pool.ts'
import type { RpcErrorBody, RpcOutcome, RpcRequest } from '../../src/rpc/transport.ts'

// Endpoints that say no in a way that is about themselves.
beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const BALANCE: RpcRequest = { method: 'eth_getBalance', params: ['0x1', 'latest'] }
const never = unattended()

/** A pool of an endpoint that answers like this and of one that works; the second one may be left out. */
function poolWith(answer: () => RpcOutcome, standby = true) {
  const asked = { primary: 0, standby: 0 }
  const node = (name: keyof typeof asked, told: () => RpcOutcome, priority: number) => ({
    priority,
    weight: 1,
    transport: {
      host: `${name}.example`,
      close: async () => undefined,
      send: async (requests: readonly RpcRequest[]) => {
        asked[name] += requests.some(({ method }) => method === 'eth_getBalance') ? 1 : 0
        return requests.map(told)
      },
    },
  })
  const works = node('standby', () => ({ ok: true, result: '0x1' }), 1)
  const members = [node('primary', answer, 0), ...(standby ? [works] : [])]
  const pool = pooled(members, {
    chain: 'eip155:1',
    maxLag: 2n,
    blockTimeMs: 12_000,
    metrics: silentMetrics,
  })
  return { pool, asked }
}

const refusing = (error: RpcErrorBody) => () => ({ ok: false, error }) as const

test('B3: an endpoint that answers everything with an internal error is given a rest, and seen', async () => {
  const { pool, asked } = poolWith(refusing({ code: -32603, message: 'Internal error' }))
  for (let call = 0; call < 20; call++) {
    expect(await pool.send([BALANCE], never)).toEqual([{ ok: true, result: '0x1' }])
  }
  expect(asked.primary).toBeLessThanOrEqual(3)
  expect(pool.report()[0]).toMatchObject({ state: 'open', problem: 'provider_unreachable' })
})

test.each([
  { code: -32603, message: 'Internal error', data: '0x08c379a0' },
  { code: -32603, message: 'execution reverted' },
  { code: -32601, message: 'the method eth_simulateV1 does not exist' },
])(
  'F17: what may be the word of the chain, or one method that is missing, is no failure: %j',
  async (error) => {
    const { pool } = poolWith(refusing(error), false)
    for (let call = 0; call < 5; call++) {
      expect(await pool.send([BALANCE], never)).toEqual([{ ok: false, error }])
    }
    expect(pool.report()[0]).toMatchObject({ state: 'healthy', errorRate: 0 })
  },
)

test('B4: an endpoint without a limit that asks to be left alone is left alone for as long', async () => {
  const { pool, asked } = poolWith(() => {
    throw new BursarError('provider_throttled', { host: 'primary.example', retryAfterMs: 30_000 })
  })
  await pool.send([BALANCE], never)
  expect(asked.primary).toBe(1)
  for (let second = 0; second < 29; second++) {
    await vi.advanceTimersByTimeAsync(1_000)
    expect(await pool.send([BALANCE], never)).toEqual([{ ok: true, result: '0x1' }])
  }
  expect(asked.primary).toBe(1)
  expect(pool.report()[0]).toMatchObject({ state: 'probing' })
  await vi.advanceTimersByTimeAsync(2_000)
  await pool.send([BALANCE], never)
  expect(asked.primary).toBe(2)
})

test('B4: where it is the only one, the caller hears how long', async () => {
  const { pool, asked } = poolWith(() => {
    throw new BursarError('provider_throttled', { host: 'primary.example', retryAfterMs: 30_000 })
  }, false)
  await expect(pool.send([BALANCE], never)).rejects.toMatchObject({ code: 'provider_throttled' })
  await vi.advanceTimersByTimeAsync(10_000)
  await expect(pool.send([BALANCE], never)).rejects.toMatchObject({
    code: 'provider_throttled',
    context: { retryAfterMs: 20_000 },
  })
  expect(asked.primary).toBe(1)
})

function unreachable(): RpcOutcome {
  throw new BursarError('provider_unreachable', { host: 'primary.example', reason: 'HTTP 500' })
}

test('B2: the only endpoint gets no rest: it answers again as soon as it works', async () => {
  let works = false
  const { pool } = poolWith(() => (works ? { ok: true, result: '0x1' } : unreachable()), false)
  for (let call = 0; call < 5; call++) {
    await expect(pool.send([BALANCE], never)).rejects.toMatchObject({ context: { reason: 'HTTP 500' } })
  }
  expect(pool.report()[0]?.state).toBe('open')
  works = true
  expect(await pool.send([BALANCE], never)).toEqual([{ ok: true, result: '0x1' }])
})

test('F20: a rest is over after two seconds although the clock was set back by hours', async () => {
  let works = false
  const { pool, asked } = poolWith(() => (works ? { ok: true, result: '0x1' } : unreachable()))
  for (let call = 0; call < 5; call++) await pool.send([BALANCE], never)
  works = true
  vi.setSystemTime(Date.now() - 2 * 3_600_000)
  asked.primary = 0
  for (let second = 0; second < 8; second++) {
    await vi.advanceTimersByTimeAsync(1_000)
    await pool.send([BALANCE], never)
  }
  expect(pool.report()[0]?.state).toBe('healthy')
  expect(asked.primary).toBeGreaterThan(0)
})

test.each([
  'upstream connect error or disconnect',
  'no backend is currently healthy to serve traffic',
  'request timed out',
  'Our servers are temporarily unavailable',
  'the method eth_getBalance does not exist',
  'header not found',
])('F17: what an endpoint says of itself, in words of its own, is asked of another: %s', async (message) => {
  const { pool, asked } = poolWith(refusing({ code: -32000, message }))
  expect(await pool.send([BALANCE], never)).toEqual([{ ok: true, result: '0x1' }])
  expect(asked).toEqual({ primary: 1, standby: 1 })
})

test.each([
  { code: 3, message: 'execution reverted: request timed out' },
  { code: -32000, message: 'execution reverted: Forbidden' },
  { code: -32000, message: 'VM Exception while processing transaction: method not supported' },
  { code: -32000, message: 'insufficient funds for gas * price + value' },
  { code: -32602, message: 'missing value for required argument 1' },
  { code: -32005, message: 'query returned more than 10000 results' },
])('F17: what the chain says never fails over, whatever a contract puts into it: %j', async (error) => {
  const { pool, asked } = poolWith(refusing(error))
  expect(await pool.send([BALANCE], never)).toEqual([{ ok: false, error }])
  expect(asked).toEqual({ primary: 1, standby: 0 })
})

test('F17: what every endpoint refuses in words that nobody knows is told, and none is blamed', async () => {
  const { pool } = poolWith(refusing({ code: -32000, message: 'no such thing' }), false)
  for (let call = 0; call < 5; call++) {
    expect(await pool.send([BALANCE], never)).toMatchObject([{ ok: false, error: { code: -32000 } }])
  }
  expect(pool.report()[0]).toMatchObject({ state: 'healthy', errorRate: 0 })
})

test('R9: a contract that reverts with such words does not make a method look as if it were missing', async () => {
  const { pool } = poolWith(refusing({ code: 3, message: 'execution reverted: method not supported' }))
  await expect(chainClient('eip155:1', pool).call('eth_call', [], never)).rejects.toMatchObject({
    code: 'rpc_refused',
  })
})

test('B2: a preferred endpoint that was stuck before the start does not serve for hours', async () => {
  const hex = (value: number) => `0x${value.toString(16)}`
  const at = (head: number, ageMs: number, priority: number) => ({
    priority,
    weight: 1,
    transport: {
      host: `node${priority}.example`,
      close: async () => undefined,
      send: async (requests: readonly RpcRequest[]) =>
        requests.map(({ method }): RpcOutcome => {
          const block = { number: hex(head), timestamp: hex(Math.floor((Date.now() - ageMs) / 1000)) }
          return { ok: true, result: method === 'eth_blockNumber' ? hex(head) : block }
        }),
    },
  })
  const settings = { chain: 'eip155:1', maxLag: 2n, blockTimeMs: 12_000, metrics: silentMetrics }
  const pool = pooled([at(100, 86_400_000, 0), at(4_096, 1_000, 1)], settings)
  for (let second = 0; second < 10; second++) {
    await pool.send([BALANCE], never)
    await vi.advanceTimersByTimeAsync(1_000)
  }
  expect(pool.report()).toMatchObject([
    { state: 'lagging', lag: 3_996 },
    { state: 'healthy', lag: 0 },
  ])
})
