import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import type { Chain } from '../../../src/chains/types.ts'
import { evmAdapter } from '../../../src/evm/evmAdapter.ts'
import { unattended } from '../../../src/primitives/abort.ts'
import { digestOf } from '../../../src/primitives/json.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { lruNodeCache } from '../../../src/rpc/cache/lruNodeCache.ts'
import { type ChainAccess, openChainAccess } from '../../../src/rpc/chainAccess.ts'
import { adminBatch } from '../../../src/sandbox/adminRpc.ts'
import { type Sandbox, startSandbox } from '../../../src/sandbox/startSandbox.ts'
import { type CountingMetrics, countingMetrics } from '../../rpc/live/support/liveWorld.ts'
import { type ProxyCall, type RpcProxy, startRpcProxy } from '../../support/rpcProxy.ts'

// Who is no witness because it no longer follows the chain, and who only seems to.

const chain = allChains.find(({ id }) => id === 'eip155:31337') as Chain
const INVENTED = `0x${'ab'.repeat(32)}`
const BLOCK = `0x${'cd'.repeat(32)}`

let sandbox: Sandbox
let url: string
/** The liar is asked first. */
let liar: RpcProxy
let honest: RpcProxy
let access: ChainAccess
let metrics: CountingMetrics
let uptimeAheadMs = 0

beforeAll(async () => {
  sandbox = await startSandbox({ logger: silentLogger, blockTimeSeconds: 86_400 })
  url = sandbox.chains[0]?.rpcUrl ?? ''
  liar = await startRpcProxy(url)
  honest = await startRpcProxy(url)
})

beforeEach(() => {
  const { now } = performance
  uptimeAheadMs = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + uptimeAheadMs)
  metrics = countingMetrics()
  const endpoints = [liar, honest].map((proxy, priority) => ({ url: new Secret(proxy.url), priority }))
  access = openChainAccess(chain, endpoints, { timeoutMs: 5_000, cache: lruNodeCache(100), metrics })
})

afterEach(async () => {
  vi.restoreAllMocks()
  liar.reset()
  honest.reset()
  await access.close()
})

afterAll(async () => {
  await Promise.all([liar.close(), honest.close()])
  await sandbox.stop()
})

type Told = { id: number; result?: unknown; error?: unknown }

/** Changes answers call by call, on their way back. */
function telling(proxy: RpcProxy, say: (call: ProxyCall, result: unknown) => unknown): void {
  proxy.setFault((calls) => ({
    kind: 'rewrite',
    text: (answer) => {
      const outcomes = [JSON.parse(answer)].flat() as Told[]
      const told = outcomes.map(({ id, result, error }, index) => {
        const call = calls[index] as ProxyCall
        return { jsonrpc: '2.0', id, ...(error ? { error } : { result: say(call, result) }) }
      })
      return JSON.stringify(answer.startsWith('[') ? told : told[0])
    },
  }))
}

const RECEIPT = {
  transactionHash: INVENTED,
  blockHash: BLOCK,
  status: '0x1',
  gasUsed: '0x5208',
  effectiveGasPrice: '0x0',
}
const INCLUDED = {
  ...{ hash: INVENTED, state: 'included' as const },
  included: {
    ...{ blockNumber: '1', blockHash: BLOCK, succeeded: true, gasUsed: 21_000n, gasPrice: 0n, feePaid: 0n },
    essence: `${BLOCK} 1 21000 0 ${digestOf('[]')}`,
    effects: async () => ({ effects: [], withNative: false }),
  },
}

/** A receipt, and the block that is to hold it in the place of the first one. */
const inventing = (call: ProxyCall, result: unknown) =>
  call.method === 'eth_getTransactionReceipt' ? RECEIPT : inventingBlock(call, result)

const inventingBlock = ({ method, params }: ProxyCall, result: unknown) =>
  method === 'eth_getBlockByNumber' && params[0] === '0x1' ? { ...(result as object), hash: BLOCK } : result

/** What the driver asks before it takes an inclusion for final. */
const confirm = () => evmAdapter(chain, access).confirmInclusion(INCLUDED, unattended())

const look = async () => {
  for (const endpoint of access.endpoints) await endpoint.call('eth_blockNumber', [], unattended())
}
const shift = (hex: unknown, by: number) => `0x${(Number(hex) + by).toString(16)}`
const leftOut = (why: string) =>
  metrics.total('rpc_witnesses_left_out', { host: new URL(honest.url).host, why })

test('T12, F20: with the local clock two minutes ahead an invented receipt is not believed', async () => {
  telling(liar, inventing)
  // A slow machine asks both for the block: then that would be what they disagree about.
  telling(honest, inventingBlock)
  const now = Date.now
  vi.spyOn(Date, 'now').mockImplementation(() => now() + 120_000)
  await expect(confirm()).rejects.toMatchObject({
    code: 'provider_disagreement',
    message: expect.stringContaining(`the receipt of ${INVENTED}`),
  })
  expect(leftOut('stale')).toBe(0)
})

test('T12, F20: on a chain that halted an hour ago an invented receipt is not believed', async () => {
  const old = (call: ProxyCall, result: unknown) => {
    if (call.method !== 'eth_getBlockByNumber') return result
    const block = result as { timestamp: string }
    return { ...block, timestamp: shift(block.timestamp, -3_600) }
  }
  telling(liar, (call, result) => inventing(call, old(call, result)))
  telling(honest, old)
  await look()
  uptimeAheadMs = 3_600_000
  await expect(confirm()).rejects.toMatchObject({ code: 'provider_disagreement' })
  expect(leftOut('stale')).toBe(0)
})

test('T12: one who claims to be ahead does not silence one who goes on with the chain', async () => {
  telling(liar, (call, result) =>
    call.method === 'eth_blockNumber' ? shift(result, 40) : inventing(call, result),
  )
  await look()
  await sandbox.mine(31337, 1)
  uptimeAheadMs = 3_600_000
  await expect(confirm()).rejects.toMatchObject({ code: 'provider_disagreement' })
  expect(access.report()).toMatchObject([{ state: 'healthy' }, { state: 'lagging' }])
  expect(leftOut('stale')).toBe(0)
})

/** Goes on telling what it knew of the chain, and nothing of what came later. */
async function stuck(proxy: RpcProxy): Promise<void> {
  const [block] = (await adminBatch(url, [
    { method: 'eth_getBlockByNumber', params: ['latest', false] },
  ])) as [{ number: string }]
  telling(proxy, ({ method, params }, result) => {
    if (method === 'eth_blockNumber') return block.number
    if (method === 'eth_getBlockByNumber' && params[0] === 'latest') return block
    return method === 'eth_getTransactionReceipt' ? null : result
  })
}

test('B2, F17: beside an endpoint that is stuck for long the one that works is enough', async () => {
  // Here the first one tells the truth; only the second one does not have the receipt.
  telling(liar, inventing)
  await stuck(honest)
  await look()
  await sandbox.mine(31337, 20)
  await look()
  // Seen for a moment only it may be slow: it cannot be told.
  await expect(confirm()).rejects.toMatchObject({ code: 'provider_disagreement' })
  uptimeAheadMs = 61_000
  await confirm()
  expect(leftOut('stale')).toBe(1)
})
