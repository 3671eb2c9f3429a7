import { randomBytes } from 'node:crypto'
import { allChains } from '../../../../src/chains/allChains.ts'
import type { Chain } from '../../../../src/chains/types.ts'
import { systemClock } from '../../../../src/primitives/clock.ts'
import { silentLogger } from '../../../../src/primitives/logger.ts'
import type { MetricLabels, Metrics } from '../../../../src/primitives/metrics.ts'
import { Secret } from '../../../../src/primitives/secret.ts'
import { type ChainClient, chainClient } from '../../../../src/rpc/chainClient.ts'
import { httpTransport } from '../../../../src/rpc/endpoint/httpTransport.ts'
import { readsOnly } from '../../../../src/rpc/guards.ts'
import { SocketConnection, type SocketOptions } from '../../../../src/rpc/live/socketConnection.ts'
import type { RpcTransport } from '../../../../src/rpc/transport.ts'
import { adminBatch } from '../../../../src/sandbox/adminRpc.ts'
import { startSandbox } from '../../../../src/sandbox/startSandbox.ts'
import { type RpcProxy, startRpcProxy } from '../../../support/rpcProxy.ts'
import { startWsProxy, type WsProxy } from '../../../support/wsProxy.ts'

export const chain = allChains.find(({ id }) => id === 'eip155:31337') as Chain

/** Fast enough for tests, and still with a growing wait between tries. */
export const timing = {
  timeoutMs: 2_000,
  heartbeatMs: 200,
  heartbeatTimeoutMs: 200,
  backoff: { minMs: 5, maxMs: 40 },
}

/** One anvil that mines on demand, its HTTP and its WebSocket side each behind a proxy of its own. */
export interface LiveWorld {
  readonly http: RpcProxy
  readonly ws: WsProxy
  /** Where the proxies forward by themselves. */
  readonly anvilUrl: string
  /** WebSocket URL of an anvil with another chain id. */
  readonly otherChainUrl: string
  readonly client: ChainClient
  socket(options?: Partial<SocketOptions>): SocketConnection
  /** Ends the sockets that were opened so far. */
  closeSockets(): Promise<void>
  /** Straight to anvil. */
  ask<T = unknown>(method: string, ...params: unknown[]): Promise<T>
  mine(blocks?: number): Promise<void>
  /** Replaces the newest blocks by as many others. */
  reorg(depth: number): Promise<void>
  height(): Promise<bigint>
  stop(): Promise<void>
}

export async function startLiveWorld(): Promise<LiveWorld> {
  const sandbox = await startSandbox({ logger: silentLogger, blockTimeSeconds: 86_400 })
  const [first, second] = sandbox.chains
  if (!first || !second) throw new Error('the sandbox has two chains')
  const http = await startRpcProxy(first.rpcUrl)
  const ws = await startWsProxy(first.rpcUrl)
  const transports: RpcTransport[] = []
  const sockets: SocketConnection[] = []
  const ask = async <T>(method: string, ...params: unknown[]) =>
    (await adminBatch(first.rpcUrl, [{ method, params }]))[0] as T
  const transport = httpTransport({ url: new Secret(http.url), timeoutMs: 2_000 })
  transports.push(transport)
  return {
    http,
    ws,
    anvilUrl: first.rpcUrl,
    otherChainUrl: second.rpcUrl,
    client: chainClient(chain.id, readsOnly(transport)),
    socket(options) {
      const socket = new SocketConnection({
        chain: chain.id,
        identity: { method: 'eth_chainId', expected: '0x7a69' },
        endpoints: [{ url: new Secret(`${ws.url}/?key=SECRETKEY`) }],
        timing,
        clock: systemClock,
        metrics: countingMetrics(),
        logger: silentLogger,
        ...options,
      })
      sockets.push(socket)
      return socket
    },
    async closeSockets() {
      await Promise.all(sockets.splice(0).map((socket) => socket.close()))
    },
    ask,
    mine: (blocks = 1) => sandbox.mine(31337, blocks),
    async reorg(depth) {
      // Without another coinbase anvil may mine the very same empty blocks again.
      await ask('anvil_setCoinbase', `0x${randomBytes(20).toString('hex')}`)
      await ask('anvil_reorg', depth, [])
    },
    height: async () => BigInt(await ask<string>('eth_blockNumber')),
    async stop() {
      await Promise.all(sockets.map((socket) => socket.close()))
      await Promise.all(transports.map((each) => each.close()))
      await http.close()
      await ws.close()
      await sandbox.stop()
    },
  }
}

export interface CountingMetrics extends Metrics {
  /** Sum of the counts under a name and these labels, or the last level that was set under them. */
  total(name: string, labels?: MetricLabels): number
  readonly observed: readonly { readonly name: string; readonly value: number }[]
}

export function countingMetrics(): CountingMetrics {
  const counts: { name: string; labels: MetricLabels; by: number }[] = []
  const levels: { name: string; labels: MetricLabels; value: number }[] = []
  const observed: { name: string; value: number }[] = []
  const under = (name: string, wanted: MetricLabels) => (each: { name: string; labels: MetricLabels }) =>
    each.name === name && Object.entries(wanted).every(([key, value]) => each.labels[key] === value)
  return {
    count: (name, labels, by = 1) => void counts.push({ name, labels, by }),
    gauge: (name, labels, value) => void levels.push({ name, labels, value }),
    observe: (name, _labels, value) => void observed.push({ name, value }),
    total: (name, labels = {}) =>
      levels.findLast(under(name, labels))?.value ??
      counts.filter(under(name, labels)).reduce((sum, { by }) => sum + by, 0),
    observed,
  }
}

/** Collects what an iteration gives while the test goes on; a failure of it is told by `failure`. */
export function collect<T>(source: AsyncIterable<T>): { readonly items: T[]; readonly ended: Promise<void> } {
  const items: T[] = []
  const run = async () => {
    for await (const item of source) items.push(item)
  }
  const ended = run()
  ended.catch(() => undefined)
  return { items, ended }
}
