import { createPublicClient, fallback, http } from 'viem'
import { allChains } from '../src/chains/allChains.ts'
import type { Chain } from '../src/chains/types.ts'
import { unattended } from '../src/primitives/abort.ts'
import { silentLogger } from '../src/primitives/logger.ts'
import { silentMetrics } from '../src/primitives/metrics.ts'
import { Secret } from '../src/primitives/secret.ts'
import { lruNodeCache } from '../src/rpc/cache/lruNodeCache.ts'
import { openChainAccess } from '../src/rpc/chainAccess.ts'
import { startSandbox } from '../src/sandbox/startSandbox.ts'
import { type FaultAction, type RpcProxy, startRpcProxy } from '../test/support/rpcProxy.ts'
import { type Figures, quantile, round } from './support/figures.ts'

const READS = 60
/** Blocks, far more than any chain allows an endpoint to be behind. */
const STALE_BY = 1_000
// viem waits ten seconds for a black hole, every time.
const VIEM_READS = 4
const ACCOUNT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'

type Fault = FaultAction | 'refused' | 'stale'

const FAULTS: Readonly<Record<string, Fault | undefined>> = {
  healthy: undefined,
  blackHole: { kind: 'hang' },
  refused: 'refused',
  http500: { kind: 'status', code: 500 },
  http429: { kind: 'status', code: 429 },
  http429RetryAfter: { kind: 'status', code: 429, headers: { 'retry-after': '2' } },
  internalError: { kind: 'rewrite', text: refused },
  slow: { kind: 'delay', ms: 1_500 },
  stale: 'stale',
  truncated: { kind: 'body', text: '{"jsonrpc":"2.0","id":1,"resu' },
}

/**
 * What a primary that fails costs a read, with a standby that works; viem's fallback beside it. Each read asks for a
 * balance and for the head that it belongs to; a head that is far behind is a failure.
 */
export async function run(): Promise<Figures> {
  const sandbox = await startSandbox({ logger: silentLogger })
  const url = sandbox.chains[0]?.rpcUrl ?? ''
  await sandbox.mine(31337, 2 * STALE_BY)
  const figures: Record<string, number> = {}
  for (const [name, fault] of Object.entries(FAULTS)) {
    const [primary, standby] = [await startRpcProxy(url), await startRpcProxy(url)]
    const ours = await measure(ourRead(primary, standby), READS, () => apply(primary, fault))
    primary.reset()
    const again = await startRpcProxy(url)
    const viem = await measure(viemRead(again, standby), VIEM_READS, () => apply(again, fault))
    await Promise.all([primary, standby, again].map((proxy) => proxy.close().catch(() => undefined)))
    const line = (label: string, { times, failures }: Measured) =>
      `  ${label.padEnd(7)} p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms, ${failures} failed`
    console.log(`${name}\n${line('bursar', ours)}\n${line('viem', viem)}`)
    figures[`${name}P50`] = round(quantile(ours.times, 0.5))
    figures[`${name}P99`] = round(quantile(ours.times, 0.99))
    figures[`${name}Success`] = 1 - ours.failures / READS
    figures[`${name}P99ToViem`] = round(quantile(ours.times, 0.99) / quantile(viem.times, 0.99))
  }
  await sandbox.stop()
  return figures
}

interface Measured {
  readonly times: readonly number[]
  readonly failures: number
}

async function measure(
  read: () => Promise<unknown>,
  count: number,
  breakIt: () => Promise<void>,
): Promise<Measured> {
  for (let warm = 0; warm < 10; warm++) await read()
  await breakIt()
  const times: number[] = []
  let failures = 0
  for (let index = 0; index < count; index++) {
    const started = performance.now()
    await read().catch(() => {
      failures += 1
    })
    times.push(performance.now() - started)
  }
  return { times, failures }
}

async function apply(proxy: RpcProxy, fault: Fault | undefined): Promise<void> {
  if (fault === 'refused') return proxy.close()
  if (fault === 'stale') return proxy.setFault(() => ({ kind: 'rewrite', text: behind }))
  if (fault !== undefined) proxy.setFault(() => fault)
}

function ourRead(primary: RpcProxy, standby: RpcProxy): () => Promise<unknown> {
  const chain = allChains.find(({ id }) => id === 'eip155:31337') as Chain
  const endpoints = [primary, standby].map((proxy, priority) => ({ url: new Secret(proxy.url), priority }))
  const options = { timeoutMs: 10_000, cache: lruNodeCache(10), metrics: silentMetrics }
  const { client } = openChainAccess(chain, endpoints, options)
  const requests = [
    { method: 'eth_getBalance', params: [ACCOUNT, 'latest'] },
    { method: 'eth_getBlockByNumber', params: ['latest', false] },
  ]
  return async () => {
    const [balance, block] = await client.batch(requests, unattended())
    if (!balance?.ok || !block?.ok) throw new Error('no answer')
    requireFresh(BigInt((block.result as { number: string }).number))
  }
}

function viemRead(primary: RpcProxy, standby: RpcProxy): () => Promise<unknown> {
  const client = createPublicClient({ transport: fallback([http(primary.url), http(standby.url)]) })
  return async () => {
    const [, block] = await Promise.all([client.getBalance({ address: ACCOUNT }), client.getBlock()])
    requireFresh(block.number)
  }
}

/** The sandbox starts above this height, and a stale endpoint stays below it. */
function requireFresh(head: bigint): void {
  if (head < 2 * STALE_BY) throw new Error(`the head is ${head}`)
}

/** Each call is refused with what JSON-RPC calls an internal error. */
function refused(answer: string): string {
  const refusal = ({ id }: { id: number }) => {
    return { jsonrpc: '2.0', id, error: { code: -32603, message: 'Internal error' } }
  }
  const asked = JSON.parse(answer) as { id: number } | { id: number }[]
  return JSON.stringify(Array.isArray(asked) ? asked.map(refusal) : refusal(asked))
}

/** The answer of an endpoint that stopped following the chain. */
function behind(answer: string): string {
  return answer.replaceAll(/"number":"(0x[0-9a-f]+)"/g, (_all, number: string) => {
    return `"number":"0x${(BigInt(number) - BigInt(STALE_BY)).toString(16)}"`
  })
}
