import { setTimeout as sleep } from 'node:timers/promises'
import { allChains } from '../src/chains/allChains.ts'
import type { Chain } from '../src/chains/types.ts'
import { systemClock } from '../src/primitives/clock.ts'
import { silentLogger } from '../src/primitives/logger.ts'
import { type Metrics, silentMetrics } from '../src/primitives/metrics.ts'
import { Secret } from '../src/primitives/secret.ts'
import { chainClient } from '../src/rpc/chainClient.ts'
import { httpTransport } from '../src/rpc/endpoint/httpTransport.ts'
import { readsOnly } from '../src/rpc/guards.ts'
import { type LiveChain, liveChain } from '../src/rpc/live/liveChain.ts'
import { adminBatch } from '../src/sandbox/adminRpc.ts'
import { startSandbox } from '../src/sandbox/startSandbox.ts'
import { startRpcProxy } from '../test/support/rpcProxy.ts'
import { startWsProxy, type WsProxy } from '../test/support/wsProxy.ts'
import { type Figures, line, quantile, round } from './support/figures.ts'

const SECONDS = 30
const BLOCK_MS = 100
const EVENTS_A_BLOCK = 2
/** Between one forced disconnect and the next. */
const CUT_MS = { min: 1_000, max: 2_000 }
const USDC = '0x9594a4C95A3acfb82307B158CD774a6740316BEd'
const TREASURY = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
const TRANSFER = `0xa9059cbb${'70997970c51812dc3a010c7d01b50e0d17dc79c8'.padStart(64, '0')}`

/**
 * The events of a chain whose socket is cut again and again, beside a
 * reader that polls at the pace of the product. Both must tell each event once.
 */
export async function run(): Promise<Figures> {
  const sandbox = await startSandbox({ logger: silentLogger, blockTimeSeconds: 86_400 })
  const url = sandbox.chains[0]?.rpcUrl ?? ''
  const ws = await startWsProxy(url)
  const changes: { readonly at: number; readonly live: boolean }[] = []
  const metrics: Metrics = {
    ...silentMetrics,
    gauge(name, _labels, value) {
      if (name === 'rpc_socket_live') changes.push({ at: performance.now(), live: value === 1 })
    },
  }
  const readers = {
    socket: await startReader(url, metrics, ws.url),
    polling: await startReader(url, silentMetrics),
  }
  const minedAt = new Map<bigint, number>()
  const first = BigInt(await ask<string>(url, 'eth_blockNumber')) + 1n
  const [cuts] = await Promise.all([disconnect(ws), mineBlocks(url, minedAt)])
  const truth = await logsSince(url, first)
  for (
    let tries = 0;
    tries < 100 && Object.values(readers).some(({ told }) => told.length < truth.length);
    tries++
  ) {
    await sleep(100)
  }
  const uptime = readers.socket.live.report()?.uptime ?? 0
  const results = Object.fromEntries(
    Object.entries(readers).map(([name, { told, requests }]) => {
      const delays = told.map(({ block, at }) => at - (minedAt.get(block) ?? Number.NaN))
      return [name, { ...compare(told, truth), delays, requests: requests() }]
    }),
  ) as Record<keyof typeof readers, ReturnType<typeof compare> & { delays: number[]; requests: number }>
  const gaps = gapFills(readers.socket.told, minedAt, changes)
  for (const { close } of Object.values(readers)) await close()
  await ws.close()
  await sandbox.stop()
  const { socket, polling } = results
  console.log(`${truth.length} events in ${minedAt.size} blocks, ${cuts} forced disconnects in ${SECONDS} s`)
  line('', 'socket', 'polling')
  line('lost / doubled', `${socket.lost} / ${socket.doubled}`, `${polling.lost} / ${polling.doubled}`)
  for (const q of [0.5, 0.99]) {
    const ms = [socket, polling].map(({ delays }) => `${quantile(delays, q).toFixed(1)} ms`)
    line(`mined to told, p${q * 100}`, ...ms)
  }
  line('HTTP requests', `${socket.requests}`, `${polling.requests}`)
  line(`live again to told, of ${gaps.length} in gaps`, `p50 ${quantile(gaps, 0.5).toFixed(1)} ms`)
  return {
    uptimePercent: round(uptime * 100),
    disconnects: cuts,
    events: truth.length,
    lost: socket.lost,
    doubled: socket.doubled,
    gapEvents: gaps.length,
    gapFillP50Ms: round(quantile(gaps, 0.5)),
    gapFillP99Ms: round(quantile(gaps, 0.99)),
    toldP50Ms: round(quantile(socket.delays, 0.5)),
    toldP99Ms: round(quantile(socket.delays, 0.99)),
    pollingLost: polling.lost,
    pollingDoubled: polling.doubled,
    pollingToldP50Ms: round(quantile(polling.delays, 0.5)),
    pollingToldP99Ms: round(quantile(polling.delays, 0.99)),
    requests: socket.requests,
    pollingRequests: polling.requests,
    p50ToPolling: round(quantile(socket.delays, 0.5) / quantile(polling.delays, 0.5)),
  }
}

interface Told {
  readonly key: string
  readonly block: bigint
  readonly at: number
}

interface Reader {
  readonly live: LiveChain
  readonly told: Told[]
  requests(): number
  close(): Promise<void>
}

async function startReader(url: string, metrics: Metrics, socketUrl?: string): Promise<Reader> {
  const chain = allChains.find(({ id }) => id === 'eip155:31337') as Chain
  const proxy = await startRpcProxy(url)
  const transport = httpTransport({ url: new Secret(proxy.url), timeoutMs: 5_000 })
  const live = liveChain({
    chain,
    identity: { method: 'eth_chainId', expected: '0x7a69' },
    client: chainClient(chain.id, readsOnly(transport)),
    sockets: socketUrl === undefined ? [] : [{ url: new Secret(socketUrl) }],
    clock: systemClock,
    metrics,
    logger: silentLogger,
  })
  const stop = new AbortController()
  const told: Told[] = []
  const start = BigInt(await ask<string>(url, 'eth_blockNumber')) + 1n
  const follow = async () => {
    for await (const batch of live.logs({ address: USDC }, start, stop.signal)) {
      const at = performance.now()
      for (const log of batch.logs) {
        told.push({ key: `${log.blockHash} ${log.logIndex}`, block: log.blockNumber, at })
      }
    }
  }
  const following = follow()
  while (live.following() !== (socketUrl === undefined ? 'polling' : 'socket')) await sleep(5)
  return {
    live,
    told,
    requests: () => proxy.roundTrips,
    async close() {
      stop.abort()
      await following
      await live.close()
      await transport.close()
      await proxy.close()
    },
  }
}

async function mineBlocks(url: string, minedAt: Map<bigint, number>): Promise<void> {
  const end = performance.now() + SECONDS * 1_000
  for (let amount = 1; performance.now() < end; ) {
    for (let event = 0; event < EVENTS_A_BLOCK; event++, amount++) {
      const data = `${TRANSFER}${amount.toString(16).padStart(64, '0')}`
      await ask(url, 'eth_sendTransaction', { from: TREASURY, to: USDC, data, gas: '0x186a0' })
    }
    const at = performance.now()
    await ask(url, 'anvil_mine', '0x1')
    minedAt.set(BigInt(await ask<string>(url, 'eth_blockNumber')), at)
    await sleep(BLOCK_MS)
  }
}

/** Cuts every connection from time to time until the mining is over, and says how often. */
async function disconnect(ws: WsProxy): Promise<number> {
  const end = performance.now() + SECONDS * 1_000
  for (let cuts = 0; ; cuts++) {
    await sleep(CUT_MS.min + Math.random() * (CUT_MS.max - CUT_MS.min))
    if (performance.now() > end) return cuts
    ws.cut()
  }
}

function compare(told: readonly Told[], truth: readonly string[]): { lost: number; doubled: number } {
  const keys = new Set(told.map(({ key }) => key))
  return { lost: truth.filter((key) => !keys.has(key)).length, doubled: told.length - keys.size }
}

/**
 * For events of blocks that were mined while the socket was down: from when it was live again until they were told;
 * 0 when they were told before, because the pool is asked meanwhile.
 */
function gapFills(
  told: readonly Told[],
  minedAt: ReadonlyMap<bigint, number>,
  changes: readonly { readonly at: number; readonly live: boolean }[],
): number[] {
  return told.flatMap(({ block, at }) => {
    const mined = minedAt.get(block) ?? Number.NaN
    const before = changes.findLast((change) => change.at <= mined)
    const again = changes.find((change) => change.at > mined && change.live)
    return before?.live || !again ? [] : [Math.max(0, at - again.at)]
  })
}

async function logsSince(url: string, from: bigint): Promise<string[]> {
  const where = { address: USDC, fromBlock: `0x${from.toString(16)}`, toBlock: 'latest' }
  const logs = await ask<{ blockHash: string; logIndex: string }[]>(url, 'eth_getLogs', where)
  return logs.map(({ blockHash, logIndex }) => `${blockHash} ${Number(logIndex)}`)
}

async function ask<T = unknown>(url: string, method: string, ...params: unknown[]): Promise<T> {
  return (await adminBatch(url, [{ method, params }]))[0] as T
}
