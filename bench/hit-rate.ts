import { silentLogger } from '../src/primitives/logger.ts'
import { startSandbox } from '../src/sandbox/startSandbox.ts'
import { startRpcProxy } from '../test/support/rpcProxy.ts'
import { startAgent } from './support/agent.ts'
import { agentTrace } from './support/agentTrace.ts'
import { type Figures, line, round } from './support/figures.ts'

/** Blocks of Ethereum and of most of its roll-ups: what is shown is dropped with each. */
const BLOCK_SECONDS = [12, 2]
const BLOCKS = 4
const AGENTS = 8

interface CacheFigures {
  readonly hits: number
  readonly misses: number
}

/**
 * How much of what agents ask comes from the cache, on a repeatable trace of eight of them, with heads pushed; and how
 * many requests reach the endpoints, against one for each call and chain, which is what a server without cache needs.
 */
export async function run(): Promise<Figures> {
  const figures: Record<string, number> = {}
  for (const blockSeconds of BLOCK_SECONDS) {
    const { calls, hitRate, requests, uncached } = await replay(blockSeconds)
    line(
      `${AGENTS} agents, a block every ${blockSeconds} s`,
      `${calls} calls`,
      `${(100 * hitRate).toFixed(1)} % hits`,
      `${requests} of ${uncached}`,
    )
    figures[`hitRate${blockSeconds}s`] = round(hitRate)
    figures[`requestsToUncached${blockSeconds}s`] = round(requests / uncached)
  }
  return figures
}

async function replay(blockTimeSeconds: number) {
  const sandbox = await startSandbox({ logger: silentLogger, blockTimeSeconds })
  const env: Record<string, string> = {}
  const proxies = await Promise.all(sandbox.chains.map(({ rpcUrl }) => startRpcProxy(rpcUrl)))
  for (const [index, name] of ['SANDBOX_A', 'SANDBOX_B'].entries()) {
    env[`${name}_RPC_URL`] = proxies[index]?.url ?? ''
    env[`${name}_WS_URL`] = (sandbox.chains[index]?.rpcUrl ?? '').replace('http:', 'ws:')
  }
  const agent = await startAgent(env)
  const cache = async () => (await agent.call('get_status'))['cache'] as CacheFigures
  await agent.call('get_balances')
  const before = await cache()
  for (const proxy of proxies) proxy.reset()
  const trace = agentTrace({ agents: AGENTS, seconds: blockTimeSeconds * BLOCKS, seed: 1 })
  const started = performance.now()
  const pending: Promise<unknown>[] = []
  for (const { atMs, tool, args } of trace) {
    await new Promise((resolve) => setTimeout(resolve, started + atMs - performance.now()))
    pending.push(agent.call(tool, args))
  }
  await Promise.all(pending)
  const requests = proxies.reduce((sum, { roundTrips }) => sum + roundTrips, 0)
  const after = await cache()
  await agent.close()
  await Promise.all(proxies.map((proxy) => proxy.close()))
  await sandbox.stop()
  const hits = after.hits - before.hits
  const misses = after.misses - before.misses
  // quote_gas asks one chain, the others both.
  const uncached = trace.reduce((sum, { tool }) => sum + (tool === 'quote_gas' ? 1 : 2), 0)
  return { calls: trace.length, hitRate: hits / (hits + misses), requests, uncached }
}
