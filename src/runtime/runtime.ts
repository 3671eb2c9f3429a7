import { join } from 'node:path'
import { BalanceSheets } from '../balances/balanceSheets.ts'
import { allChains } from '../chains/allChains.ts'
import { type ChainRegistry, createRegistry } from '../chains/registry.ts'
import type { Config } from '../config/types.ts'
import { probeEvmEndpoint } from '../evm/probe.ts'
import { tenderlySimulator } from '../evm/simulation/tenderly/tenderly.ts'
import { submitRaw } from '../evm/submit.ts'
import { GasQuotes } from '../gas/gasQuotes.ts'
import type { Services } from '../mcp/services.ts'
import { FallbackNonces } from '../nonces/fallbackNonces.ts'
import type { NonceStore } from '../nonces/nonceStore.ts'
import { SharedNonces } from '../nonces/sharedNonces.ts'
import { BalanceMonitor, loggedAlerts } from '../observability/balanceMonitor.ts'
import { listChains } from '../observability/chainList.ts'
import { reportStatus } from '../observability/statusReport.ts'
import { Policy } from '../policy/policy.ts'
import { systemClock } from '../primitives/clock.ts'
import type { Logger } from '../primitives/logger.ts'
import { silentMetrics } from '../primitives/metrics.ts'
import { type RedisConnection, redisConnection } from '../redis/connection.ts'
import { redisCalls } from '../redis/redisCalls.ts'
import { RedisNonces } from '../redis/redisNonces.ts'
import { lruNodeCache } from '../rpc/cache/lruNodeCache.ts'
import type { AccessOptions } from '../rpc/chainAccess.ts'
import { ChainIdentities } from '../store/chainIdentities.ts'
import { foreignUses } from '../store/foreignUses.ts'
import { IntentStore } from '../store/intents.ts'
import { Journal } from '../store/journal.ts'
import { nativeSpendOf } from '../store/nativeSpend.ts'
import { NonceTableStore } from '../store/nonces.ts'
import { OperationStore } from '../store/operations.ts'
import { ReplacementStore } from '../store/replacements.ts'
import { StepStore } from '../store/steps.ts'
import { Broadcaster } from '../transactions/broadcaster.ts'
import { ChainGuard } from '../transactions/chainGuard.ts'
import { Driver } from '../transactions/driver.ts'
import { Gaps } from '../transactions/gaps.ts'
import { Healer } from '../transactions/healer.ts'
import { Intents } from '../transactions/intents.ts'
import { Judge } from '../transactions/judge.ts'
import { Leases } from '../transactions/leases.ts'
import { Operations } from '../transactions/operations.ts'
import { Replacements } from '../transactions/replacements.ts'
import { StuckTransactions } from '../transactions/stuckTransactions.ts'
import { WalletBook } from '../wallets/walletBook.ts'
import { OpenChains, type SimulationServices } from './chainDirectory.ts'
import { EmbeddedSandbox } from './embeddedSandbox.ts'

/** The engine, wired. */
export interface Runtime {
  readonly services: Services
  readonly chains: OpenChains
  readonly journal: Journal
  /** Where processes meet, when that is configured; it opens with its first use. */
  readonly redis: RedisConnection | undefined
  /** Begins what goes on without a caller: the sandbox, and unfinished operations. */
  start(): void
  /** Hands unfinished operations over, then lets go of everything. */
  stop(): Promise<void>
}

/** The only place that knows which implementation stands behind which port. */
export function createRuntime(config: Config, logger: Logger, version: string): Runtime {
  const clock = systemClock
  const registry = createRegistry(allChains, config.chains)
  const sandbox = config.sandbox.embedded ? new EmbeddedSandbox(config.sandbox.stateDir, logger) : undefined
  const cache = lruNodeCache(CACHE_ENTRIES)
  const redis = config.redis && redisConnection(config.redis, { logger })
  const access = {
    timeoutMs: config.rpcTimeoutMs,
    cache,
    metrics: silentMetrics,
    logger,
    ...(redis && { sharedCalls: redisCalls(redis) }),
  }
  const chains = openChains(config, registry, sandbox, access)
  const journal = new Journal(join(sandbox?.journalFolder ?? config.home, 'journal.db'), clock)
  const intents = new IntentStore(journal)
  const operations = new OperationStore(journal)
  const wallets = new WalletBook(config.wallets, clock)
  const policy = new Policy(config.policy)
  const judge = new Judge(policy)
  const guard = new ChainGuard(new ChainIdentities(journal), clock)
  const leases = new Leases(journal, operations, chains, logger)
  const broadcaster = new Broadcaster(async (chain, raw, signal) => {
    const { access } = await chains.open(chain)
    const result = await submitRaw(access.sends, raw, signal)
    // What is shown from now on must not be older than our own payment.
    access.headMoved()
    return result
  })
  const ttlSeconds = config.intentTtlSeconds
  const fence = new NonceTableStore(journal)
  const nonces = noncesOf(fence, redis, config, logger)
  const steps = new StepStore(journal)
  const replacements = new Replacements({
    ...{ directory: chains, guard, wallets, judge, intents, operations, clock, ttlSeconds },
    ...{ steps, nonces },
    replacements: new ReplacementStore(journal),
  })
  const { speedUpAfterBlocks: afterBlocks } = config
  const healer = new Healer({
    ...{ directory: chains, wallets, judge, intents, operations, clock, ttlSeconds },
    execute: (request, caller) => executing.execute(request, caller),
  })
  const driver = new Driver({
    gaps: new Gaps({
      held: (lane, from) => fence.held(lane, from),
      heal: (gap) => healer.heal(gap),
      logger,
    }),
    stuck: new StuckTransactions({ replacements, steps, afterBlocks, logger }),
    directory: chains,
    guard,
    wallets,
    judge,
    nonces,
    broadcaster,
    intents,
    operations,
    steps,
    clock,
    logger,
  })
  const engine = {
    replacements,
    directory: chains,
    guard,
    wallets,
    judge,
    intents,
    nonces,
    operations,
    driver,
    leases,
    clock,
    logger,
  }
  const executing = new Operations(engine)
  const balances = new BalanceMonitor({
    ...{ directory: chains, floors: config.minNativeBalance, metrics: silentMetrics, logger, clock },
    walletsOn: (chain) => wallets.on(chain),
    spentSince: (chain, account, native, since) => nativeSpendOf(journal, { chain, account, native, since }),
    sink: loggedAlerts(logger),
  })
  const accessTo = async (chain: string) => (await chains.open(chain)).access
  const status = {
    version,
    sandbox: sandbox !== undefined,
    directory: chains,
    operations,
    foreignUses: () => foreignUses(journal),
    probe: async (chain: string, signal: AbortSignal) => {
      const { access } = await chains.open(chain)
      const looks = access.endpoints.map((endpoint) => probeEvmEndpoint(endpoint, signal))
      const probes = await Promise.all(looks)
      const reports = access.report()
      return probes.map(({ simulates: _simulates, ...probe }, index) => ({
        ...HEALTHY,
        ...reports[index],
        ...probe,
      }))
    },
    access: accessTo,
    lockJournal: () => journal.lock(),
    cache: () => cache.stats(),
    pingRedis: redis && (() => redis.ping()),
    alerts: () => balances.alerts,
    warnings: config.warnings,
    clock,
    startedAt: clock.now(),
  }

  return {
    services: {
      chains: { list: (caller) => listChains(chains, accessTo, caller) },
      wallets: { list: async ({ chain }) => wallets.list(chain, chains, policy.describe()) },
      balances: new BalanceSheets(chains, wallets),
      gas: new GasQuotes(chains, policy),
      intents: new Intents({ ...engine, ttlSeconds }),
      replacements,
      operations: executing,
      status: { read: (caller) => reportStatus(status, caller) },
    },
    chains,
    journal,
    redis,
    start() {
      // Its failure is told to the first call that needs the sandbox.
      sandbox
        ?.start()
        .catch((error: unknown) => logger.error('the sandbox did not start', { cause: String(error) }))
      leases.start((operationId) => driver.drive(operationId))
      balances.start()
    },
    async stop() {
      balances.stop()
      await leases.stop(() => driver.settled())
      await chains.close()
      await redis?.close()
      cache.close()
      await journal.close()
      await sandbox?.stop()
    },
  }
}

/** The journal's, with Redis in front of it when that is configured. */
function noncesOf(
  table: NonceTableStore,
  redis: RedisConnection | undefined,
  config: Config,
  logger: Logger,
): NonceStore {
  if (!redis || !config.redis) return table
  return new FallbackNonces({
    shared: new SharedNonces(new RedisNonces(redis), table),
    journal: table,
    without: config.redis.nonceFallback,
    logger,
    metrics: silentMetrics,
  })
}

/** Nothing of a sandbox is known outside of this machine. */
function simulationServices({ tenderly, rpcTimeoutMs: timeoutMs }: Config): SimulationServices {
  return (chain) => {
    if (!tenderly || tenderly.order === 'local' || chain.network === 'sandbox') return undefined
    const simulator = tenderlySimulator(chain, {
      ...tenderly,
      timeoutMs: Math.min(timeoutMs, MOST_SIMULATION_MS),
    })
    return (local) => (tenderly.order === 'tenderly,local' ? [simulator, ...local] : [...local, simulator])
  }
}

/** So that one that hangs leaves time for the next within the five seconds that a simulation may take (D1). */
const MOST_SIMULATION_MS = 3_500

const HEALTHY = { state: 'healthy', errorRate: 0 } as const

/** Answers kept over all chains: at a few kilobytes each some tens of megabytes at most. */
const CACHE_ENTRIES = 20_000

function openChains(
  config: Config,
  registry: ChainRegistry,
  sandbox: EmbeddedSandbox | undefined,
  access: AccessOptions,
): OpenChains {
  const configured = new Map(config.chains.map(({ chainId, endpoints }) => [chainId, endpoints]))
  const usable = registry.all().filter(({ id, family, network }) => {
    return family === 'evm' && (sandbox ? network === 'sandbox' : configured.has(id))
  })
  const endpoints = sandbox ? () => sandbox.endpoints() : async () => configured
  return new OpenChains(registry, usable, endpoints, access, simulationServices(config))
}
