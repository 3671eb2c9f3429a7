import { setMaxListeners } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { allChains } from '../../src/chains/allChains.ts'
import { nativeAsset } from '../../src/chains/amounts.ts'
import type { GasUses } from '../../src/chains/gasUses.ts'
import { type ChainRegistry, createRegistry } from '../../src/chains/registry.ts'
import type { Chain } from '../../src/chains/types.ts'
import { evmCodec } from '../../src/evm/codec.ts'
import { submitRaw } from '../../src/evm/sending/submit.ts'
import { isUserOperation } from '../../src/evm/userOperations/userOperation.ts'
import { FallbackNonces } from '../../src/nonces/fallbackNonces.ts'
import type { NonceStore } from '../../src/nonces/nonceStore.ts'
import { SharedNonces } from '../../src/nonces/sharedNonces.ts'
import { Policy } from '../../src/policy/policy.ts'
import type { Caller } from '../../src/primitives/caller.ts'
import type { Clock } from '../../src/primitives/clock.ts'
import { silentLogger } from '../../src/primitives/logger.ts'
import { silentMetrics } from '../../src/primitives/metrics.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { redisConnection } from '../../src/redis/connection.ts'
import { RedisNonces } from '../../src/redis/redisNonces.ts'
import { lruNodeCache } from '../../src/rpc/cache/lruNodeCache.ts'
import { bundlersOf } from '../../src/runtime/bundlers.ts'
import { OpenChains } from '../../src/runtime/chainDirectory.ts'
import { privateRelays } from '../../src/runtime/privateRelays.ts'
import { adminBatch } from '../../src/sandbox/adminRpc.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/startSandbox.ts'
import { ApprovalStore } from '../../src/store/approvals.ts'
import { ChainIdentities } from '../../src/store/chainIdentities.ts'
import { ContactStore } from '../../src/store/contacts.ts'
import { CurrentFlags } from '../../src/store/flags/currentFlags.ts'
import { FlagStore } from '../../src/store/flags/flags.ts'
import { lastGasUses } from '../../src/store/gasUses.ts'
import { HaltStore, type OwnerOf } from '../../src/store/halts.ts'
import { IntentStore } from '../../src/store/intents.ts'
import { Journal } from '../../src/store/journal.ts'
import { NonceTableStore } from '../../src/store/nonces/nonces.ts'
import { OperationStore } from '../../src/store/operations.ts'
import { RefusalStore } from '../../src/store/refusals.ts'
import { ReplacementStore } from '../../src/store/replacements.ts'
import { AskedSignatures } from '../../src/store/steps/askedSignatures.ts'
import { hashesAt, livePlan } from '../../src/store/steps/livePlans.ts'
import { StepStore } from '../../src/store/steps/steps.ts'
import { WaitingBytes } from '../../src/store/steps/waitingBytes.ts'
import { Approvals } from '../../src/transactions/approvals/approvals.ts'
import { Authorisations } from '../../src/transactions/approvals/authorisations.ts'
import { countingKeys, operatorApprover } from '../../src/transactions/approvals/operatorKey.ts'
import { ChainGuard } from '../../src/transactions/chainGuard.ts'
import { Driver } from '../../src/transactions/driver.ts'
import { Leases } from '../../src/transactions/following/leases.ts'
import { Intents } from '../../src/transactions/intents.ts'
import { Judge } from '../../src/transactions/judging/judge.ts'
import { Operations } from '../../src/transactions/operations.ts'
import { AddressBook } from '../../src/transactions/recipients/addressBook.ts'
import { Lookalikes } from '../../src/transactions/recipients/lookalikes.ts'
import { Recipients } from '../../src/transactions/recipients/recipients.ts'
import { Compensation } from '../../src/transactions/recovering/compensation.ts'
import { Gaps } from '../../src/transactions/recovering/gaps.ts'
import { Healer } from '../../src/transactions/recovering/healer.ts'
import { Replacements } from '../../src/transactions/replacing/replacements.ts'
import { StuckTransactions } from '../../src/transactions/replacing/stuckTransactions.ts'
import { Broadcaster } from '../../src/transactions/sending/broadcaster.ts'
import { OwnBundler } from '../../src/transactions/sending/ownBundler.ts'
import { Sends } from '../../src/transactions/sending/sends.ts'
import type {
  OperationFilter,
  OperationView,
  PrepareRequest,
  ReplaceRequest,
} from '../../src/transactions/views/views.ts'
import { WalletBook } from '../../src/wallets/walletBook.ts'
import type { EngineOptions } from './engineOptions.ts'
import { type RpcProxy, startRpcProxy } from './rpcProxy.ts'
import { testClock } from './testClock.ts'

export const AGENT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
export const MERCHANT = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
export const USDC = '0x9594a4C95A3acfb82307B158CD774a6740316BEd'
export const TIP_JAR = '0x225FEF2B544DEbcA5D2833CdA879E16cA1458163'
/** anvil's well-known development key of the agent: what another program that shares the account signs with. */
export const AGENT_KEY = '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d'

/** What the engine signs requests to a relay with. */
export const RELAY_KEY = `0x${'c0ffee11'.repeat(8)}`

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
  const path = join(home, 'journal.db')
  const journal = new Journal(path, clock)
  const gasUses: GasUses = (chain, kind) => lastGasUses(journal, chain, kind)
  const { services, maxSlippagePercent = '2.0' } = options
  const wallets = options.book?.(clock) ?? walletsOf(options, clock)
  const accounts = (chain: Chain) => wallets.accountsOn(chain)
  const bundlers = bundlersFor(options, registry)
  const extras = { ...(services && { services }), gasUses, maxSlippagePercent, accounts, bundlers }
  const chains = new OpenChains(registry, usable, async () => endpoints, access, extras)
  const intents = new IntentStore(journal)
  const ownerOf: OwnerOf = ({ chain, account }) => wallets.ownerOf(account, registry.resolve(chain))
  const operations = new OperationStore(journal, ownerOf)
  const steps = new StepStore(journal, ownerOf)
  const signatures = new AskedSignatures(journal)
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
  const accountsNamed = (names: ReadonlySet<string>) => wallets.accounts(names)
  const policy = new Policy(
    {
      maxGasPriceGwei: options.maxGasPriceGwei ?? '500',
      perTransaction: options.caps ?? [],
      feePerTransaction: options.feeCaps ?? [{ chain: '*', max: '0.1' }],
      maxSlippagePercent,
      findingsAllowed: options.findingsAllowed ?? [],
      ...thresholdsOf(options),
      ...fallbackOf(options),
    },
    options.rules,
    accountsNamed,
  )
  const decisions = new ApprovalStore(journal)
  const approvals = new Authorisations({
    store: decisions,
    policy: () => policy.version,
    keys: () => countingKeys(home, options.approverKeys),
    clock,
  })
  const relays = relaysOf(options, registry)
  const judge = new Judge(policy, (chain) => relays.has(chain), clock)
  const leases = new Leases(journal, operations, chains, silentLogger)
  const guard = new ChainGuard(new ChainIdentities(journal), clock)
  const broadcaster = new Broadcaster(
    async (chain, raw, signal) => {
      if (isUserOperation(raw)) return bundler.submit(chain, raw, signal)
      const { access } = await chains.open(chain)
      return submitRaw(access.sends, raw, signal)
    },
    (chain) => relays.get(chain),
  )
  const contacts = new ContactStore(journal)
  const lookalikes = new Lookalikes(contacts, intents)
  const recipients = new Recipients({ contacts, wallets, directory: chains })
  const book = new AddressBook({
    ...{ contacts, lookalikes, registry },
    walletNames: ['treasury', 'agent', 'merchant', 'payroll'],
    wallets: wallets.all(),
  })
  const parts = {
    directory: chains,
    book,
    lookalikes,
    recipients,
    guard,
    wallets,
    judge,
    nonces,
    broadcaster,
    journal,
    intents,
    approvals,
    decisions,
    operations,
    steps,
    signatures,
    halts: new HaltStore(journal, ownerOf),
    refusals: new RefusalStore(journal),
    // As fresh as the journal, so that no test waits for them.
    flags: new CurrentFlags({ store: new FlagStore(journal), logger: silentLogger, elapsed: growing() }),
    leases,
    clock,
    logger: silentLogger,
  }
  const ttlSeconds = options.ttlSeconds ?? 600
  const replacing = new Replacements({
    ...parts,
    ttlSeconds,
    replacements: new ReplacementStore(journal, ownerOf),
  })
  const afterBlocks = options.speedUpAfterBlocks
  const stuck = new StuckTransactions({ ...parts, replacements: replacing, afterBlocks, bundlers })
  const healer = new Healer({ ...parts, ttlSeconds, execute: (...given) => executing.execute(...given) })
  const bundler = new OwnBundler({
    ...{ ...parts, ttlSeconds },
    bundlers,
    planAt: (place) => livePlan(journal, place),
    hashesAt: (place) => hashesAt(journal, place),
    replacements: replacing,
    execute: (...given) => executing.execute(...given),
  })
  const gaps = new Gaps({
    held: (lane, from) => table.held(lane, from),
    heal: (gap) => healer.heal(gap),
    logger: silentLogger,
  })
  const sends = new Sends({ ...parts, waitingBytes: new WaitingBytes(journal) })
  const compensation = new Compensation(parts)
  const driver = new Driver({ ...parts, stuck, gaps, compensation, sends })
  const preparing = new Intents({ ...parts, ttlSeconds, approvalTtlSeconds: 3_600 })
  const executing = new Operations({
    ...parts,
    driver,
    replacements: replacing,
    othersBroadcastMs: options.othersBroadcastMs,
  })
  const people = new Approvals({
    store: decisions,
    intents,
    knowledge: (id) => {
      const chain = registry.resolve(id)
      return { chain, codec: evmCodec(chain), native: nativeAsset(chain) }
    },
    clock,
    approver: () => operatorApprover(home, options.approverKeys),
  })
  return {
    ...parts,
    driver,
    chains,
    home,
    path,
    /** What the operator's people do, out of the agent's reach. */
    people,
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

/** A clock by which every look is a second after the one before. */
function growing(): () => number {
  let now = 0
  return () => {
    now += 1_000
    return now
  }
}

function bundlersFor({ bundler, lanes, rpcTimeoutMs = 5_000 }: EngineOptions, registry: ChainRegistry) {
  const urls = bundler
    ? [{ chain: lanes[0]?.id ?? '', url: new Secret(bundler.url), host: new URL(bundler.url).host }]
    : []
  return bundlersOf(urls, registry, rpcTimeoutMs)
}

function relaysOf({ relay, lanes, rpcTimeoutMs = 5_000 }: EngineOptions, registry: ChainRegistry) {
  const urls = relay
    ? [{ chain: lanes[0]?.id ?? '', url: new Secret(relay.url), host: new URL(relay.url).host }]
    : []
  return privateRelays({ authKey: new Secret(RELAY_KEY), urls }, registry, rpcTimeoutMs)
}

function thresholdsOf({ approvalAbove, elicitUpTo }: EngineOptions) {
  return { ...(approvalAbove && { approvalAbove }), ...(elicitUpTo && { elicitUpTo }) }
}

function fallbackOf({ relay }: EngineOptions) {
  return { privateFallbackBlocks: relay?.fallbackBlocks ?? 0 }
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

function walletsOf({ wallets = [], accounts = [] }: EngineOptions, clock: Clock): WalletBook {
  return new WalletBook(wallets, clock, { wallets: [], accounts, broken: new Map(), chains: new Map() })
}
