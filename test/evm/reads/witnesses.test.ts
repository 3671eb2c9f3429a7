import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import type { Chain } from '../../../src/chains/types.ts'
import { evmAdapter } from '../../../src/evm/evmAdapter.ts'
import { unattended } from '../../../src/primitives/abort.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { lruNodeCache } from '../../../src/rpc/cache/lruNodeCache.ts'
import { type ChainAccess, openChainAccess } from '../../../src/rpc/chainAccess.ts'
import { type Sandbox, startSandbox } from '../../../src/sandbox/startSandbox.ts'
import { recordingLogger } from '../../rpc/live/support/liarWorld.ts'
import { type CountingMetrics, countingMetrics } from '../../rpc/live/support/liveWorld.ts'
import { type FaultAction, type ProxyCall, type RpcProxy, startRpcProxy } from '../../support/rpcProxy.ts'

const chain = allChains.find(({ id }) => id === 'eip155:31337') as Chain
const AGENT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const MERCHANT = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'

let sandbox: Sandbox
let proxies: readonly RpcProxy[]
let access: ChainAccess
let metrics: CountingMetrics
const logger = recordingLogger()

beforeAll(async () => {
  sandbox = await startSandbox({ logger: silentLogger })
  const url = sandbox.chains[0]?.rpcUrl ?? ''
  proxies = await Promise.all([startRpcProxy(url), startRpcProxy(url)])
  const endpoints = proxies.map((proxy, priority) => ({ url: new Secret(proxy.url), priority }))
  metrics = countingMetrics()
  const options = { timeoutMs: 5_000, cache: lruNodeCache(100), metrics, logger }
  access = openChainAccess(chain, endpoints, options)
})

afterEach(() => {
  for (const proxy of proxies) proxy.reset()
})

afterAll(async () => {
  await access.close()
  await Promise.all(proxies.map((proxy) => proxy.close()))
  await sandbox.stop()
})

/** Rehearses a small contract call, which takes the path of every prepared and every executed payment. */
async function rehearse() {
  const adapter = evmAdapter(chain, access)
  const action = { to: MERCHANT, amount: '5', asset: 'USDC' }
  const draft = await adapter.draft(action, AGENT, unattended())
  return adapter.plan(draft, { urgency: 'standard', maxGasPrice: 500_000_000_000n }, [], unattended())
}

const isOfABlock = ({ params }: ProxyCall) => typeof params[1] === 'object'

/** Answers questions about blocks by hash like an endpoint that does not have them, while `behind` says so. */
const lacking =
  (behind: () => boolean, balance?: string) =>
  (calls: readonly ProxyCall[]): FaultAction | undefined => {
    const asksWitness = calls.some(({ method }) => method === 'eth_getBalance')
    const decides = calls.some(({ method }) => method === 'eth_feeHistory')
    if (!asksWitness || decides || !behind()) return undefined
    return {
      kind: 'rewrite',
      text: (answer) => {
        const outcomes = [JSON.parse(answer)].flat() as { id: number; result?: unknown }[]
        const told = outcomes.map(({ id, result }, index) => {
          const call = calls[index]
          if (call && isOfABlock(call)) {
            return { id, jsonrpc: '2.0', error: { code: -32000, message: 'header not found' } }
          }
          return {
            id,
            jsonrpc: '2.0',
            result: call?.method === 'eth_getBalance' ? (balance ?? result) : result,
          }
        })
        return JSON.stringify(answer.startsWith('[') ? told : told[0])
      },
    }
  }

/** Changes what one endpoint says about accounts, and nothing else. */
const lying =
  (method: string, lie: string) =>
  (calls: readonly ProxyCall[]): FaultAction | undefined => {
    if (!calls.some((call) => call.method === method && isOfABlock(call))) return undefined
    return {
      kind: 'rewrite',
      text: (answer) => {
        const outcomes = JSON.parse(answer) as { result: unknown }[]
        const at = calls.findIndex((call) => call.method === method)
        const told = outcomes[at]
        if (told) told.result = lie
        return JSON.stringify(outcomes)
      },
    }
  }

test('two endpoints that agree let a payment pass, each asked once', async () => {
  const { rehearsal } = await rehearse()
  expect(rehearsal.outcome.ok).toBe(true)
  for (const proxy of proxies) {
    const witnessed = proxy.calls.filter(
      ({ method, params }) => method === 'eth_getBalance' && typeof params[1] === 'object',
    )
    expect(witnessed).toHaveLength(1)
  }
})

test.each([
  ['balance', 'eth_getBalance', '0xffffffffffffffffffff'],
  ['nonce', 'eth_getTransactionCount', '0x2a'],
])(
  'T12, F18: an endpoint that lies about the %s stops the payment with a reason',
  async (what, method, lie) => {
    proxies[1]?.setFault(lying(method, lie))
    await expect(rehearse()).rejects.toMatchObject({
      code: 'provider_disagreement',
      kind: 'provider',
      sideEffect: 'none',
      message: expect.stringMatching(new RegExp(`the ${what} of ${AGENT}.* Nothing was signed\\.$`)),
    })
  },
)

test('T12: a block that only one endpoint knows may be invented: without a second word nothing is signed', async () => {
  proxies[1]?.setFault(lacking(() => true, '0x1'))
  await expect(rehearse()).rejects.toMatchObject({
    code: 'provider_disagreement',
    message: expect.stringContaining(`the balance of ${AGENT}`),
    sideEffect: 'none',
  })
})

test('F17: an endpoint that is a block behind and tells the same agrees', async () => {
  proxies[1]?.setFault(lacking(() => true))
  const { rehearsal } = await rehearse()
  expect(rehearsal.outcome.ok).toBe(true)
})

test('F17: an endpoint that is behind and tells something else is waited for', async () => {
  let asked = 0
  proxies[1]?.setFault(lacking(() => ++asked <= 4, '0x1'))
  const { rehearsal } = await rehearse()
  expect(rehearsal.outcome.ok).toBe(true)
  expect(asked).toBeGreaterThan(4)
})

test('T12: what was read first is compared too: an endpoint may lie once', async () => {
  proxies[0]?.setFault((calls) => {
    if (!calls.some(({ method }) => method === 'eth_simulateV1')) return undefined
    const at = calls.findIndex(({ method }) => method === 'eth_getBalance')
    const text = (answer: string) => {
      const outcomes = JSON.parse(answer) as { result: unknown }[]
      const told = outcomes[at]
      if (told) told.result = '0xffffffffffffffffffff'
      return JSON.stringify(outcomes)
    }
    return { kind: 'rewrite', text }
  })
  await expect(rehearse()).rejects.toMatchObject({ code: 'provider_disagreement' })
})

test('F17: a witness that is silent holds nothing up for long, and is left out', async () => {
  proxies[1]?.setFault((calls) => (calls[0]?.method === 'eth_getBalance' ? { kind: 'hang' } : undefined))
  const started = performance.now()
  const { rehearsal } = await rehearse()
  expect(rehearsal.outcome.ok).toBe(true)
  expect(performance.now() - started).toBeLessThan(4_500)
  const labels = { chain: 'eip155:31337', host: new URL(proxies[1]?.url ?? '').host, why: 'silent' }
  expect(metrics.total('rpc_witnesses_left_out')).toBe(1)
  expect(metrics.total('rpc_witnesses_left_out', labels)).toBe(1)
  expect(logger.lines.filter(({ message }) => message === 'a witness was left out')).toEqual([
    { message: 'a witness was left out', fields: labels },
  ])
})

test('F17: an endpoint that is down is no contradiction: the other one serves alone', async () => {
  proxies[1]?.setFault(() => ({ kind: 'status', code: 500 }))
  const { rehearsal } = await rehearse()
  expect(rehearsal.outcome.ok).toBe(true)
})
