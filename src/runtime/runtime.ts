import { join } from 'node:path'
import { accountStates } from '../balances/accountStates.ts'
import { BalanceSheets } from '../balances/balanceSheets.ts'
import { allChains } from '../chains/allChains.ts'
import type { GasUses } from '../chains/gasUses.ts'
import { type ChainRegistry, createRegistry } from '../chains/registry.ts'
import type { Chain } from '../chains/types.ts'
import type { Config } from '../config/types.ts'
import { tokenFunctionName } from '../evm/calls/tokenCalls.ts'
import { probeEvmEndpoint } from '../evm/reads/probe.ts'
import { submitRaw } from '../evm/sending/submit.ts'
import { tenderlySimulator } from '../evm/simulation/tenderly/tenderly.ts'
import { isUserOperation } from '../evm/userOperations/userOperation.ts'
import { GasQuotes } from '../gas/gasQuotes.ts'
import type { Services } from '../mcp/services.ts'
import { FallbackNonces } from '../nonces/fallbackNonces.ts'
import type { NonceStore } from '../nonces/nonceStore.ts'
import { SharedNonces } from '../nonces/sharedNonces.ts'
import { BalanceMonitor, loggedAlerts } from '../observability/balanceMonitor.ts'
import { listChains } from '../observability/chainList.ts'
import { reportStatus } from '../observability/statusReport.ts'
import { Policy } from '../policy/policy.ts'
import type { Caller } from '../primitives/caller.ts'
import { systemClock } from '../primitives/clock.ts'
import type { Logger } from '../primitives/logger.ts'
import { silentMetrics } from '../primitives/metrics.ts'
import { type RedisConnection, redisConnection } from '../redis/connection.ts'
import { redisCalls } from '../redis/redisCalls.ts'
import { RedisNonces } from '../redis/redisNonces.ts'
import { lruNodeCache } from '../rpc/cache/lruNodeCache.ts'
import type { AccessOptions } from '../rpc/chainAccess.ts'
import { ApprovalStore } from '../store/approvals.ts'
import { ANCHOR_FILE } from '../store/audit/auditAnchor.ts'
import { ChainIdentities } from '../store/chainIdentities.ts'
import { ContactStore } from '../store/contacts.ts'
import { CurrentFlags } from '../store/flags/currentFlags.ts'
import { FlagStore } from '../store/flags/flags.ts'
import { gasUsesSince, lastGasUses } from '../store/gasUses.ts'
import { HaltStore, type OwnerOf } from '../store/halts.ts'
import { IntentStore } from '../store/intents.ts'
import { Journal } from '../store/journal.ts'
import { foreignUses } from '../store/nonces/foreignUses.ts'
import { NonceTableStore } from '../store/nonces/nonces.ts'
import { OperationStore } from '../store/operations.ts'
import { RefusalStore } from '../store/refusals.ts'
import { ReplacementStore } from '../store/replacements.ts'
import { nativeSpendOf } from '../store/spending/nativeSpend.ts'
import { AskedSignatures } from '../store/steps/askedSignatures.ts'
import { hashesAt, livePlan } from '../store/steps/livePlans.ts'
import { StepStore } from '../store/steps/steps.ts'
import { WaitingBytes } from '../store/steps/waitingBytes.ts'
import { Authorisations } from '../transactions/approvals/authorisations.ts'
import { countingKeys } from '../transactions/approvals/operatorKey.ts'
import { ChainGuard } from '../transactions/chainGuard.ts'
import { Driver } from '../transactions/driver.ts'
import { Leases } from '../transactions/following/leases.ts'
import { Intents } from '../transactions/intents.ts'
import { Judge } from '../transactions/judging/judge.ts'
import { Operations } from '../transactions/operations.ts'
import { Lookalikes } from '../transactions/recipients/lookalikes.ts'
import { Recipients } from '../transactions/recipients/recipients.ts'
import { Compensation } from '../transactions/recovering/compensation.ts'
import { Gaps } from '../transactions/recovering/gaps.ts'
import { Healer } from '../transactions/recovering/healer.ts'
import { Replacements } from '../transactions/replacing/replacements.ts'
import { StuckTransactions } from '../transactions/replacing/stuckTransactions.ts'
import { Broadcaster } from '../transactions/sending/broadcaster.ts'
import { OwnBundler } from '../transactions/sending/ownBundler.ts'
import { Sends } from '../transactions/sending/sends.ts'
import { type OpenWallets, openWallets } from '../wallets/openWallets.ts'
import { AuditAnchors } from './auditAnchors.ts'
import { bundlersOf } from './bundlers.ts'
import { type ChainExtras, OpenChains, type SimulationServices } from './chainDirectory.ts'
import { EmbeddedSandbox } from './embeddedSandbox.ts'
import { loadRules, PolicyReload } from './policyFile.ts'
import { privateRelays } from './privateRelays.ts'

/** The engine, wired. */
export interface Runtime {
  readonly services: Services
  readonly chains: OpenChains
  readonly journal: Journal
  readonly wallets: OpenWallets
  /** Where processes meet, when that is configured; it opens with its first use. */
  readonly redis: RedisConnection | undefined
  /** Begins what goes on without a caller: the sandbox, and unfinished operations. */
  start(): void
  /** Brings a changed policy file into force; one that is wrong changes nothing. */
  reloadPolicy(): void
  /** Hands unfinished operations over, then lets go of everything. */
  stop(): Promise<void>
}

/** The only place that knows which implementation stands behind which port. */
export function createRuntime(config: Config, logger: Logger, version: string): Runtime {
  const clock = systemClock
  const registry = createRegistry(allChains, config.chains)
  const { embedded, stateDir } = config.sandbox
  const sandbox = embedded ? new EmbeddedSandbox(stateDir, logger, config.home) : undefined
  const cache = lruNodeCache(CACHE_ENTRIES)
  const redis = config.redis && redisConnection(config.redis, { logger })
  const access = {
    timeoutMs: config.rpcTimeoutMs,
    cache,
    metrics: silentMetrics,
    logger,
    ...(redis && { sharedCalls: redisCalls(redis) }),
  }
  const folder = sandbox?.journalFolder ?? config.home
  const journal = new Journal(join(folder, 'journal.db'), clock)
  const decisions = new ApprovalStore(journal)
  const gasUses: GasUses = (chain, kind) => lastGasUses(journal, chain, kind)
  const opened = openWallets(config, clock)
  const wallets = opened.book
  for (const warning of opened.warnings) logger.warn(warning)
  const accounts = (chain: Chain) => wallets.accountsOn(chain)
  const bundlers = bundlersOf(config.bundlers, registry, config.rpcTimeoutMs)
  const chains = openChains(config, registry, sandbox, access, { gasUses, accounts, bundlers })
  const intents = new IntentStore(journal)
  const ownerOf: OwnerOf = ({ chain: id, account }) => {
    const chain = registry.find(id)
    return chain && wallets.ownerOf(account, chain)
  }
  const operations = new OperationStore(journal, ownerOf)
  const halts = new HaltStore(journal, ownerOf)
  const refusals = new RefusalStore(journal)
  const flags = new CurrentFlags({ store: new FlagStore(journal), logger })
  const contacts = new ContactStore(journal)
  const lookalikes = new Lookalikes(contacts, intents)
  const recipients = new Recipients({ contacts, wallets, directory: chains })
  const rules = loadRules(config, allChains)
  const policy = new Policy(config.policy, rules, (names) => wallets.accounts(names))
  const walletNames = () => [...wallets.names(), ...opened.broken.keys()]
  const policyReload = new PolicyReload({ config, chains: allChains, policy, journal, walletNames, logger })
  const relays = privateRelays(config.privateRelay, registry, config.rpcTimeoutMs)
  const judge = new Judge(policy, (chain) => relays.has(chain), clock)
  const approvals = new Authorisations({
    store: decisions,
    policy: () => policy.version,
    keys: () => countingKeys(config.home, config.approvals.keys),
    clock,
  })
  const guard = new ChainGuard(new ChainIdentities(journal), clock)
  const leases = new Leases(journal, operations, chains, logger)
  const broadcaster = new Broadcaster(
    async (chain, raw, signal) => {
      if (isUserOperation(raw)) return bundler.submit(chain, raw, signal)
      const { access } = await chains.open(chain)
      const result = await submitRaw(access.sends, raw, signal)
      // What is shown from now on must not be older than our own payment.
      access.headMoved()
      return result
    },
    (chain) => relays.get(chain),
  )
  const ttlSeconds = config.intentTtlSeconds
  const fence = new NonceTableStore(journal)
  const nonces = noncesOf(fence, redis, config, logger)
  const steps = new StepStore(journal, ownerOf)
  const signatures = new AskedSignatures(journal)
  const replacements = new Replacements({
    ...{ directory: chains, guard, wallets, judge, intents, operations, clock, ttlSeconds },
    ...{ steps, signatures, nonces, halts, refusals },
    replacements: new ReplacementStore(journal, ownerOf),
  })
  const { speedUpAfterBlocks: afterBlocks } = config
  const healer = new Healer({
    ...{ directory: chains, wallets, judge, intents, operations, halts, clock, ttlSeconds },
    execute: (request, caller) => executing.execute(request, caller),
  })
  const bundler = new OwnBundler({
    ...{ directory: chains, wallets, judge, intents, operations, clock, ttlSeconds },
    bundlers,
    planAt: (place) => livePlan(journal, place),
    hashesAt: (place) => hashesAt(journal, place),
    replacements,
    execute: (request, caller) => executing.execute(request, caller),
  })
  const driver = new Driver({
    gaps: new Gaps({
      held: (lane, from) => fence.held(lane, from),
      heal: (gap) => healer.heal(gap),
      logger,
    }),
    stuck: new StuckTransactions({ replacements, steps, afterBlocks, halts, bundlers, flags, logger }),
    compensation: new Compensation({ directory: chains, judge, operations, steps, clock, logger }),
    directory: chains,
    guard,
    wallets,
    lookalikes,
    recipients,
    judge,
    nonces,
    sends: new Sends({ broadcaster, steps, waitingBytes: new WaitingBytes(journal), halts, logger }),
    intents,
    approvals,
    operations,
    steps,
    signatures,
    halts,
    clock,
    logger,
  })
  const engine = {
    approvals,
    decisions,
    replacements,
    directory: chains,
    guard,
    wallets,
    lookalikes,
    recipients,
    judge,
    intents,
    nonces,
    operations,
    halts,
    flags,
    refusals,
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
  const anchors = new AuditAnchors(journal, join(folder, ANCHOR_FILE), logger)
  const accessTo = async (chain: string) => (await chains.open(chain)).access
  const status = {
    version,
    sandbox: sandbox !== undefined,
    directory: chains,
    operations,
    foreignUses: () => foreignUses(journal),
    gasUses: (since: string) => gasUsesSince(journal, since),
    nameOf: tokenFunctionName,
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
    halts: () => halts.list(),
    lockJournal: () => journal.lock(),
    cache: () => cache.stats(),
    pingRedis: redis && (() => redis.ping()),
    alerts: () => balances.alerts,
    warnings: () => [...config.warnings, ...opened.warnings, ...policyReload.warnings()],
    clock,
    startedAt: clock.now(),
  }

  async function listWallets(chain: string | undefined, { principal, signal }: Caller) {
    const audience = { principal, now: clock.now() }
    const left = await operations.spent(policy.windowsTold(audience))
    const { wallets: all, limits } = await wallets.list(chain, chains, policy.describe(audience, left))
    const told = all.map(async (wallet) => {
      if (wallet.kind !== 'smart-account') return wallet
      return { ...wallet, accounts: await accountStates(chains, wallet.address, wallet.chains, signal) }
    })
    return { wallets: await Promise.all(told), limits }
  }

  return {
    services: {
      chains: { list: (caller) => listChains(chains, accessTo, caller) },
      wallets: { list: ({ chain }, caller) => listWallets(chain, caller) },
      balances: new BalanceSheets(chains, wallets),
      gas: new GasQuotes(chains, policy),
      intents: new Intents({ ...engine, ttlSeconds, approvalTtlSeconds: config.approvals.ttlSeconds }),
      replacements,
      operations: executing,
      status: { read: (caller) => reportStatus(status, caller) },
    },
    chains,
    journal,
    wallets: opened,
    redis,
    start() {
      // Its failure is told to the first call that needs the sandbox.
      sandbox
        ?.start()
        .catch((error: unknown) => logger.error('the sandbox did not start', { cause: String(error) }))
      leases.start((operationId) => driver.drive(operationId))
      balances.start()
      policyReload.start()
      anchors.start()
    },
    reloadPolicy: () => policyReload.load('SIGHUP'),
    async stop() {
      balances.stop()
      policyReload.stop()
      await leases.stop(() => driver.settled())
      await chains.close()
      await redis?.close()
      cache.close()
      await anchors.stop()
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
  known: Pick<ChainExtras, 'gasUses' | 'accounts' | 'bundlers'>,
): OpenChains {
  const configured = new Map(config.chains.map(({ chainId, endpoints }) => [chainId, endpoints]))
  const usable = registry.all().filter(({ id, family, network }) => {
    return family === 'evm' && (sandbox ? network === 'sandbox' : configured.has(id))
  })
  const endpoints = sandbox ? () => sandbox.endpoints() : async () => configured
  const { maxSlippagePercent } = config.policy
  const extras = { services: simulationServices(config), ...known, maxSlippagePercent }
  return new OpenChains(registry, usable, endpoints, access, extras)
}
