import { Pool } from 'undici'
import { createPublicClient, http } from 'viem'
import { allChains } from '../src/chains/allChains.ts'
import type { Chain } from '../src/chains/types.ts'
import { unattended } from '../src/primitives/abort.ts'
import { systemClock } from '../src/primitives/clock.ts'
import { silentLogger } from '../src/primitives/logger.ts'
import { silentMetrics } from '../src/primitives/metrics.ts'
import { Secret } from '../src/primitives/secret.ts'
import { lruNodeCache } from '../src/rpc/cache/lruNodeCache.ts'
import { openChainAccess } from '../src/rpc/chainAccess.ts'
import type { ChainClient } from '../src/rpc/chainClient.ts'
import { startSandbox } from '../src/sandbox/startSandbox.ts'
import { type Figures, line, median, round } from './support/figures.ts'

const IN_FLIGHT = 16
const CALLS = 8_000
const ROUNDS = 5
const CALL = { to: '0x9594a4C95A3acfb82307B158CD774a6740316BEd', data: '0x313ce567' } as const

type Read = () => Promise<unknown>

/** eth_call through the whole stack, cached and uncached, against bare undici and viem's http, in turn. */
export async function run(): Promise<Figures> {
  const sandbox = await startSandbox({ logger: silentLogger })
  const url = sandbox.chains[0]?.rpcUrl ?? ''
  const chain = allChains.find(({ id }) => id === 'eip155:31337') as Chain
  const options = { timeoutMs: 10_000, clock: systemClock, cache: lruNodeCache(100), metrics: silentMetrics }
  const access = openChainAccess(chain, [{ url: new Secret(url), priority: 0 }], options)
  const pool = new Pool(url, { connections: 64 })
  const candidates: Readonly<Record<string, Read>> = {
    undici: bare(pool),
    bursar: reading(access.client),
    bursarCached: reading(access.shown),
    viem: viemRead(url),
  }
  const rates = new Map(Object.keys(candidates).map((name) => [name, [] as number[]]))
  for (let turn = 0; turn <= ROUNDS; turn++) {
    for (const [name, read] of Object.entries(candidates)) {
      const rate = await throughput(read)
      if (turn > 0) rates.get(name)?.push(rate)
    }
  }
  await Promise.all([access.close(), pool.close()])
  await sandbox.stop()
  const of = (name: string) => median(rates.get(name) ?? [])
  for (const name of rates.keys()) line(name, `${of(name).toFixed(0)} /s`)
  return {
    undiciPerSecond: round(of('undici')),
    bursarPerSecond: round(of('bursar')),
    cachedPerSecond: round(of('bursarCached')),
    viemPerSecond: round(of('viem')),
    ratioToUndici: round(of('bursar') / of('undici')),
    ratioToViem: round(of('bursar') / of('viem')),
    cachedRatioToUndici: round(of('bursarCached') / of('undici')),
  }
}

async function throughput(read: Read): Promise<number> {
  let left = CALLS
  const started = performance.now()
  const worker = async () => {
    while (left-- > 0) await read()
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  return (CALLS / (performance.now() - started)) * 1000
}

function bare(pool: Pool): Read {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_call', params: [CALL, 'latest'] })
  const headers = { 'content-type': 'application/json' }
  return async () => {
    const answer = await pool.request({ method: 'POST', path: '/', headers, body })
    return JSON.parse(await answer.body.text())
  }
}

function reading(client: ChainClient): Read {
  const signal = unattended()
  return () => client.call('eth_call', [CALL, 'latest'], signal)
}

function viemRead(url: string): Read {
  const client = createPublicClient({ transport: http(url) })
  return () => client.call(CALL)
}
