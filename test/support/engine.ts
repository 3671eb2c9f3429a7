import { setMaxListeners } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { allChains } from '../../src/chains/allChains.ts'
import { createRegistry } from '../../src/chains/registry.ts'
import type { Chain } from '../../src/chains/types.ts'
import { submitRaw } from '../../src/evm/submit.ts'
import { FallbackNonces } from '../../src/nonces/fallbackNonces.ts'
import type { NonceStore } from '../../src/nonces/nonceStore.ts'
import { SharedNonces } from '../../src/nonces/sharedNonces.ts'
import { type Cap, type FeeCap, Policy } from '../../src/policy/policy.ts'
import type { Caller } from '../../src/primitives/caller.ts'
import type { Clock } from '../../src/primitives/clock.ts'
import type { FindingCode } from '../../src/primitives/findings.ts'
import { silentLogger } from '../../src/primitives/logger.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { redisConnection } from '../../src/redis/connection.ts'
import { RedisNonces } from '../../src/redis/redisNonces.ts'
import { lruNodeCache } from '../../src/rpc/cache/lruNodeCache.ts'
import { OpenChains, type SimulationServices } from '../../src/runtime/chainDirectory.ts'
import { adminBatch } from '../../src/sandbox/adminRpc.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/startSandbox.ts'
import { ChainIdentities } from '../../src/store/chainIdentities.ts'
import { IntentStore } from '../../src/store/intents.ts'
import { Journal } from '../../src/store/journal.ts'
import { NonceTableStore } from '../../src/store/nonces.ts'
import { OperationStore } from '../../src/store/operations.ts'
import { ReplacementStore } from '../../src/store/replacements.ts'
import { StepStore } from '../../src/store/steps.ts'
import { Broadcaster } from '../../src/transactions/broadcaster.ts'
import { ChainGuard } from '../../src/transactions/chainGuard.ts'
import { Driver } from '../../src/transactions/driver.ts'
import { Gaps } from '../../src/transactions/gaps.ts'
import { Healer } from '../../src/transactions/healer.ts'
import { Intents } from '../../src/transactions/intents.ts'
import { Judge } from '../../src/transactions/judge.ts'
import { Leases } from '../../src/transactions/leases.ts'
import { Operations } from '../../src/transactions/operations.ts'
import { Replacements } from '../../src/transactions/replacements.ts'
import { StuckTransactions } from '../../src/transactions/stuckTransactions.ts'
import type {
  OperationFilter,
  OperationView,
  PrepareRequest,
  ReplaceRequest,
} from '../../src/transactions/views.ts'
import { WalletBook } from '../../src/wallets/walletBook.ts'
import { type RpcProxy, startRpcProxy } from './rpcProxy.ts'

export const AGENT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
export const MERCHANT = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
export const USDC = '0x9594a4C95A3acfb82307B158CD774a6740316BEd'
export const TIP_JAR = '0x225FEF2B544DEbcA5D2833CdA879E16cA1458163'
/** anvil's well-known development key of the agent: what another program that shares the account signs with. */
export const AGENT_KEY = '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d'

/** A clock that stands still until a test moves it. */
export interface TestClock extends Clock {
  advance(ms: number): void
}

export function testClock(): TestClock {
  let now = Date.now()
  return {
    now: () => now,
    advance(ms) {
      now += ms
    },
  }
}

/** Both sandbox chains, each behind a recording proxy; a block comes only when a test mines it. */
export interface World {
  readonly sandbox: Sandbox
  readonly a: Lane
  readonly b: Lane
  stop(): Promise<void>
}

export interface Lane {
  readonly id: string
  readonly rpcUrl: string
  readonly proxy: RpcProxy
  mine(blocks?: number): Promise<void>
  /** Straight to anvil, past the proxy. */
  ask(method: string, ...params: unknown[]): Promise<unknown>
  /** Native balance in wei at the newest block. */
  balance(address: string): Promise<bigint>
}

export async function startWorld(): Promise<World> {
  const sandbox = await startSandbox({ logger: silentLogger, blockTimeSeconds: 86_400 })
  const [a, b] = await Promise.all(sandbox.chains.map((chain) => startLane(sandbox, chain)))
  if (!a || !b) throw new Error('the sandbox has two chains')
  return {
    sandbox,
    a,
    b,
    async stop() {
      await Promise.all([a.proxy.close(), b.proxy.close()])
      await sandbox.stop()
    },
  }
}

async function startLane(sandbox: Sandbox, { chainId, rpcUrl }: Sandbox['chains'][number]): Promise<Lane> {
  const ask = async (method: string, ...params: unknown[]) =>
    (await adminBatch(rpcUrl, [{ method, params }]))[0]
  return {
    id: `eip155:${chainId}`,
    rpcUrl,
    proxy: await startRpcProxy(rpcUrl),
    mine: (blocks = 1) => sandbox.mine(chainId, blocks),
    ask,
    balance: async (address) => BigInt((await ask('eth_getBalance', address, 'latest')) as string),
  }
}

/** What an engine must know of a lane. */
export interface EngineLane {
  readonly id: string
  readonly rpcUrl: string
  readonly proxy: { readonly url: string }
  /** Further endpoints of the same chain, asked after that one. */
  readonly others?: readonly { readonly url: string }[]
}

export interface EngineOptions {
  readonly lanes: readonly EngineLane[]
  /** Facts that are to go for those of the registry. */
  readonly chains?: readonly Chain[]
  /** Folder of the journal; engines that share one are several processes on one machine. */
  readonly home?: string
  readonly clock?: TestClock
  readonly caps?: readonly Cap[]
  readonly feeCaps?: readonly FeeCap[]
  readonly maxGasPriceGwei?: string
  /** Who simulates besides the endpoints. */
  readonly services?: SimulationServices
  /** Critical findings that do not stop a payment. */
  readonly findingsAllowed?: readonly FindingCode[]
  readonly rpcTimeoutMs?: number
  readonly ttlSeconds?: number
  /** Calls a second that each endpoint takes. */
  readonly rateLimit?: number
  /** What waits for so many blocks is sped up. */
  readonly speedUpAfterBlocks?: bigint
  /** Nonces by way of this Redis, as a process with REDIS_URL has them. */
  readonly redis?: { readonly url: string; readonly without?: 'journal' | 'refuse' }
  /** Blocks until something is final, on every chain; the registry's numbers when it is left out. */
  readonly confirmations?: number
  /** Heads are pushed: anvil serves sockets where it serves HTTP. */
  readonly sockets?: boolean
}

export type Engine = ReturnType<typeof startEngine>

/** The engine's parts, wired as the runtime wires them, with a clock that tests move. Nothing runs by itself. */
export function startEngine(options: EngineOptions) {
  const clock = options.clock ?? testClock()
  const home = options.home ?? mkdtempSync(join(tmpdir(), 'bursar-engine-'))
  const { confirmations } = options
  const asked = confirmations === undefined ? [] : options.lanes
  const overrides = asked.map(({ id }) => ({ chainId: id, ...(confirmations && { confirmations }) }))
  const known = allChains.map((chain) => options.chains?.find(({ id }) => id === chain.id) ?? chain)
  const registry = createRegistry(known, overrides)
  const endpoints = new Map(
    options.lanes.map((lane) => {
      const socket = options.sockets ? { socket: new Secret(lane.rpcUrl.replace('http:', 'ws:')) } : {}
      const limit = options.rateLimit === undefined ? {} : { rateLimit: options.rateLimit }
      const others = (lane.others ?? []).map(({ url }) => ({ url: new Secret(url), priority: 1 }))
      return [lane.id, [{ url: new Secret(lane.proxy.url), priority: 0, ...socket, ...limit }, ...others]]
    }),
  )
  const usable = registry.all().filter(({ id }) => endpoints.has(id))
  const cache = lruNodeCache(1_000)
  const access = {
    timeoutMs: options.rpcTimeoutMs ?? 5_000,
    cache,
    metrics: silentMetrics,
  }
  const chains = new OpenChains(registry, usable, async () => endpoints, access, options.services)
  const path = join(home, 'journal.db')
  const journal = new Journal(path, clock)
  const intents = new IntentStore(journal)
  const operations = new OperationStore(journal)
  const steps = new StepStore(journal)
  const redis = options.redis && redisConnection({ url: new Secret(options.redis.url) })
  const table = new NonceTableStore(journal)
  const nonces: NonceStore = redis
    ? new FallbackNonces({
        shared: new SharedNonces(new RedisNonces(redis), table),
        journal: table,
        without: options.redis?.without ?? 'journal',
        logger: silentLogger,
        metrics: silentMetrics,
      })
    : table
  const wallets = new WalletBook([], clock)
  const policy = new Policy({
    maxGasPriceGwei: options.maxGasPriceGwei ?? '500',
    perTransaction: options.caps ?? [],
    feePerTransaction: options.feeCaps ?? [{ chain: '*', max: '0.1' }],
    maxSlippagePercent: '2.0',
    findingsAllowed: options.findingsAllowed ?? [],
  })
  const judge = new Judge(policy)
  const leases = new Leases(journal, operations, chains, silentLogger)
  const guard = new ChainGuard(new ChainIdentities(journal), clock)
  const broadcaster = new Broadcaster(async (chain, raw, signal) => {
    const { access } = await chains.open(chain)
    return submitRaw(access.sends, raw, signal)
  })
  const parts = {
    directory: chains,
    guard,
    wallets,
    judge,
    nonces,
    broadcaster,
    journal,
    intents,
    operations,
    steps,
    leases,
    clock,
    logger: silentLogger,
  }
  const ttlSeconds = options.ttlSeconds ?? 600
  const replacing = new Replacements({
    ...parts,
    ttlSeconds,
    replacements: new ReplacementStore(journal),
  })
  const afterBlocks = options.speedUpAfterBlocks
  const stuck = new StuckTransactions({ replacements: replacing, steps, afterBlocks, logger: silentLogger })
  const healer = new Healer({ ...parts, ttlSeconds, execute: (...given) => executing.execute(...given) })
  const gaps = new Gaps({
    held: (lane, from) => table.held(lane, from),
    heal: (gap) => healer.heal(gap),
    logger: silentLogger,
  })
  const driver = new Driver({ ...parts, stuck, gaps })
  const preparing = new Intents({ ...parts, ttlSeconds })
  const executing = new Operations({ ...parts, driver, replacements: replacing })
  return {
    ...parts,
    driver,
    chains,
    home,
    path,
    prepare: (request: Partial<PrepareRequest>, by = caller()) =>
      preparing.prepare({ chain: 'sandbox-a', wallet: 'agent', ...request } as PrepareRequest, by),
    replace: (request: Pick<ReplaceRequest, 'operation' | 'kind'> & Partial<ReplaceRequest>, by = caller()) =>
      replacing.prepare({ idempotencyKey: `${request.kind} ${request.operation}`, ...request }, by),
    execute: (intentId: string, by = caller()) => executing.execute({ intentId }, by),
    get: (operation: string, by = caller()) => executing.get({ operation }, by),
    list: (filter: OperationFilter = {}) => executing.list(filter, caller()),
    /** Rows of the journal as another connection sees them. */
    rows: (sql: string) => readRows(path, sql),
    async stop() {
      await chains.close()
      await redis?.close()
      cache.close()
      await journal.close()
      if (options.home === undefined) rmSync(home, { recursive: true, force: true })
    },
  }
}

/** Drives an operation as another process that shares the journal and has just taken over; answers how it stands. */
export async function takeOver(
  { home, clock }: Engine,
  lanes: readonly Lane[],
  operationId: string,
): Promise<OperationView> {
  const other = startEngine({ lanes, home, clock })
  try {
    await other.driver.drive(operationId)
    return await other.get(operationId)
  } finally {
    await other.stop()
  }
}

export function caller(principal = 'local', signal = new AbortController().signal): Caller {
  // As the server does: one question may wait for many reads.
  setMaxListeners(0, signal)
  return { principal, signal, progress() {} }
}

export type Row = Readonly<Record<string, unknown>>

/** What is in a journal file, read by a connection of its own. */
export function readRows(path: string, sql: string): Row[] {
  const db = new Database(path, { readonly: true })
  try {
    return (db.prepare(sql).all() as Row[]).map(({ _metadata, ...row }) => row)
  } finally {
    db.close()
  }
}
