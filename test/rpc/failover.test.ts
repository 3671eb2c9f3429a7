import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import type { Chain } from '../../src/chains/types.ts'
import { unattended } from '../../src/primitives/abort.ts'
import { silentLogger } from '../../src/primitives/logger.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { lruNodeCache } from '../../src/rpc/cache/lruNodeCache.ts'
import { type ChainAccess, openChainAccess } from '../../src/rpc/chainAccess.ts'
import { adminBatch } from '../../src/sandbox/adminRpc.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/startSandbox.ts'
import { type FaultAction, type RpcProxy, startRpcProxy } from '../support/rpcProxy.ts'

const chain = allChains.find(({ id }) => id === 'eip155:31337') as Chain
const TIMEOUT_MS = 5_000

let sandbox: Sandbox
let primary: RpcProxy
let standby: RpcProxy
const open: ChainAccess[] = []

beforeAll(async () => {
  sandbox = await startSandbox({ logger: silentLogger })
  const [first] = sandbox.chains
  primary = await startRpcProxy(first?.rpcUrl ?? '')
  standby = await startRpcProxy(first?.rpcUrl ?? '')
})

afterEach(async () => {
  primary.reset()
  standby.reset()
  await Promise.all(open.splice(0).map((access) => access.close()))
})

afterAll(async () => {
  await Promise.all([primary, standby].map((proxy) => proxy.close()))
  await sandbox.stop()
})

function access(): ChainAccess {
  const endpoints = [primary, standby].map(({ url }, priority) => ({ url: new Secret(url), priority }))
  const cache = lruNodeCache(100)
  const options = { timeoutMs: TIMEOUT_MS, cache, metrics: silentMetrics }
  const opened = openChainAccess(chain, endpoints, options)
  open.push(opened)
  return opened
}

const balance = (from: ChainAccess) =>
  from.client.call('eth_getBalance', ['0x90F79bf6EB2c4f870365E785982E1f101E93b906', 'latest'], unattended())

const always = (action: FaultAction) => () => action

const faults: readonly (readonly [string, FaultAction])[] = [
  ['hangs', { kind: 'hang' }],
  ['resets the connection', { kind: 'reset' }],
  ['answers 429', { kind: 'status', code: 429 }],
  ['answers 500', { kind: 'status', code: 500 }],
  ['answers 503 with a page', { kind: 'status', code: 503, body: '<html>down</html>' }],
  ['truncates its answers', { kind: 'body', text: '{"jsonrpc":"2.0","id":1,"resu' }],
  ['answers with a wrong id', { kind: 'body', text: '{"jsonrpc":"2.0","id":987654,"result":"0x1"}' }],
]

test.each(faults)('F17: a primary that %s costs no answer', async (_name, fault) => {
  const chainAccess = access()
  expect(await balance(chainAccess)).toBe('0x21e19e0c9bab2400000')
  primary.setFault(always(fault))
  const started = performance.now()
  for (let call = 0; call < 10; call++) expect(await balance(chainAccess)).toBe('0x21e19e0c9bab2400000')
  // Ten calls in less time than one time-out: nobody waited for the one that does not answer.
  expect(performance.now() - started).toBeLessThan(TIMEOUT_MS)
})

test('F17: a primary that flaps, up for four requests and down for four, costs no answer', async () => {
  const chainAccess = access()
  const downs: readonly FaultAction[] = [{ kind: 'status', code: 500 }, { kind: 'reset' }, { kind: 'hang' }]
  let asked = 0
  let down = 0
  primary.setFault(() => (Math.floor(asked++ / 4) % 2 === 0 ? undefined : downs[down++ % downs.length]))
  for (let call = 0; call < 60; call++) expect(await balance(chainAccess)).toBe('0x21e19e0c9bab2400000')
  expect(down).toBeGreaterThan(0)
  expect(standby.count('eth_getBalance')).toBeGreaterThan(0)
})

test('F17: 120 calls at once of endpoints that jitter have each its own answer', async () => {
  const accounts = Array.from(
    { length: 120 },
    (_, index) => `0x${(0xacc000 + index).toString(16).padStart(40, '0')}`,
  )
  await adminBatch(
    sandbox.chains[0]?.rpcUrl ?? '',
    accounts.map((account, index) => ({
      method: 'anvil_setBalance',
      params: [account, `0x${(index + 1).toString(16)}`],
    })),
  )
  const chainAccess = access()
  let turn = 0
  // Up to 120 ms, in an order of their own: what was asked first is not answered first.
  const jitter = (): FaultAction => ({ kind: 'delay', ms: (turn++ * 53) % 121 })
  primary.setFault(jitter)
  standby.setFault(jitter)
  const calls: Promise<unknown>[] = []
  for (const account of accounts) {
    calls.push(chainAccess.client.call('eth_getBalance', [account, 'latest'], unattended()))
    // A turn of its own for each third: some travel together, most do not.
    if (calls.length % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  expect((await Promise.all(calls)).map(Number)).toEqual(Array.from({ length: 120 }, (_, index) => index + 1))
  expect(primary.roundTrips).toBeGreaterThan(20)
})

test('F17: the primary serves again when it has recovered', async () => {
  const chainAccess = access()
  await balance(chainAccess)
  primary.setFault(always({ kind: 'status', code: 500 }))
  for (let call = 0; call < 4; call++) await balance(chainAccess)
  expect(chainAccess.report()[0]).toMatchObject({ state: 'open' })
  primary.setFault(undefined)
  await expect
    .poll(
      async () => {
        await balance(chainAccess)
        return chainAccess.report()[0]?.state
      },
      { timeout: 15_000, interval: 100 },
    )
    .toBe('healthy')
  primary.reset()
  await balance(chainAccess)
  expect(primary.count('eth_getBalance')).toBe(1)
})

test('what the chain refuses is an answer: no second endpoint is asked, and none is blamed', async () => {
  const chainAccess = access()
  await balance(chainAccess)
  standby.reset()
  const call = { to: '0x225FEF2B544DEbcA5D2833CdA879E16cA1458163', data: '0xdeadbeef' }
  for (let tries = 0; tries < 5; tries++) {
    await expect(chainAccess.client.call('eth_call', [call, 'latest'], unattended())).rejects.toMatchObject({
      code: 'rpc_refused',
    })
  }
  expect(standby.count('eth_call')).toBe(0)
  expect(chainAccess.report()[0]).toMatchObject({ state: 'healthy', errorRate: 0 })
})

test('a caller who leaves is told so at once, and no endpoint is blamed', async () => {
  const chainAccess = access()
  await balance(chainAccess)
  primary.setFault(always({ kind: 'hang' }))
  standby.setFault(always({ kind: 'hang' }))
  const leaving = new AbortController()
  const call = chainAccess.client.call('eth_gasPrice', [], leaving.signal)
  leaving.abort(new Error('gone'))
  await expect(call).rejects.toThrow('gone')
})

test('when no endpoint works the caller learns why', async () => {
  const chainAccess = access()
  await balance(chainAccess)
  primary.setFault(always({ kind: 'status', code: 500 }))
  standby.setFault(always({ kind: 'status', code: 502 }))
  await expect(balance(chainAccess)).rejects.toMatchObject({
    code: 'provider_unreachable',
    context: { reason: 'HTTP 500' },
  })
})

test('a null does not beat a value that is on its way', async () => {
  const chainAccess = access()
  await balance(chainAccess)
  const isAsked = (calls: readonly { method: string }[]) =>
    calls.some(({ method }) => method.endsWith('ByNumber'))
  // Longer than the hedge delay, shorter than two of them.
  primary.setFault((calls) => (isAsked(calls) ? { kind: 'delay', ms: 220 } : undefined))
  const text = (answer: string) => JSON.stringify({ ...(JSON.parse(answer) as object), result: null })
  standby.setFault((calls) => (isAsked(calls) ? { kind: 'rewrite', text } : undefined))
  const block = await chainAccess.client.call('eth_getBlockByNumber', ['0x0', false], unattended())
  expect(standby.count('eth_getBlockByNumber')).toBe(1)
  expect(block).toMatchObject({ number: '0x0' })
})

test('a null does not wait for a black hole', async () => {
  const chainAccess = access()
  await balance(chainAccess)
  primary.setFault(([call]) => (call?.method === 'eth_getTransactionReceipt' ? { kind: 'hang' } : undefined))
  const started = performance.now()
  const missing = chainAccess.client.call('eth_getTransactionReceipt', [`0x${'11'.repeat(32)}`], unattended())
  expect(await missing).toBe(null)
  expect(standby.count('eth_getTransactionReceipt')).toBe(1)
  expect(performance.now() - started).toBeLessThan(TIMEOUT_MS / 2)
})

/** An answer whose block numbers are others than those of the chain. */
const shifted = (by: bigint) => (answer: string) => {
  const shift = (number: string) => `0x${(BigInt(number) + by).toString(16)}`
  return answer
    .replaceAll(/"number":"(0x[0-9a-f]+)"/g, (_all, number: string) => `"number":"${shift(number)}"`)
    .replaceAll(/"result":"(0x[0-9a-f]{1,6})"/g, (all, number: string) => {
      // Its chain id is right.
      return number === '0x7a69' ? all : `"result":"${shift(number)}"`
    })
}

const head = async (from: ChainAccess) => {
  const block = await from.client.call('eth_getBlockByNumber', ['latest', false], unattended())
  return BigInt((block as { number: string }).number)
}

describe('T12: an endpoint that claims a block from the far future', () => {
  const ahead = shifted(1_000_000n)
  test('T12: is not believed, and does not make the honest one look as if it lagged', async () => {
    const chainAccess = access()
    const before = await head(chainAccess)
    primary.setFault(always({ kind: 'rewrite', text: ahead }))
    for (let call = 0; call < 5; call++) expect(await head(chainAccess)).toBeLessThan(before + 1_000n)
    expect(chainAccess.report()).toMatchObject([{ state: 'lagging' }, { state: 'healthy' }])
    // It is heard all the same, where endpoints have to agree: who claims more must not silence the others.
    expect(chainAccess.witnesses()).toHaveLength(2)
    primary.setFault(undefined)
    await expect
      .poll(
        async () => {
          await head(chainAccess)
          return chainAccess.report()[0]?.state
        },
        { timeout: 10_000, interval: 100 },
      )
      .toBe('healthy')
  })

  test('B2: is believed when another one says so too: chains of tests take leaps', async () => {
    const chainAccess = access()
    const before = await head(chainAccess)
    await sandbox.mine(31337, 3_000)
    expect(await head(chainAccess)).toBeGreaterThanOrEqual(before + 3_000n)
    await expect
      .poll(
        async () => {
          await head(chainAccess)
          return chainAccess.report().map(({ state }) => state)
        },
        { timeout: 10_000, interval: 100 },
      )
      .toEqual(['healthy', 'healthy'])
  })
})

describe('F17, F19: an endpoint that stopped following the chain', () => {
  const STALE_BY = 200
  const behind = shifted(-BigInt(STALE_BY))
  test('F19: is not believed once: the head that is told never goes back', async () => {
    await sandbox.mine(31337, 2 * STALE_BY)
    const chainAccess = access()
    const before = await head(chainAccess)
    primary.setFault(always({ kind: 'rewrite', text: behind }))
    for (let call = 0; call < 5; call++) expect(await head(chainAccess)).toBeGreaterThanOrEqual(before)
    expect(chainAccess.report()[0]).toMatchObject({ state: 'lagging' })
  })

  test('B2: answers when there is no other, and so does a chain that was taken back', async () => {
    const chainAccess = access()
    const before = await head(chainAccess)
    primary.setFault(always({ kind: 'rewrite', text: behind }))
    standby.setFault(always({ kind: 'rewrite', text: behind }))
    expect(await head(chainAccess)).toBeLessThan(before)
    standby.reset()
    standby.setFault(always({ kind: 'rewrite', text: behind }))
    await head(chainAccess)
    // Both say so: it is the chain that went back, and nobody is asked twice for that.
    expect(standby.count('eth_getBlockByNumber')).toBe(0)
  })
})
