import type { ChainDirectory } from '../chains/directory.ts'
import { chainRef } from '../chains/registry.ts'
import type { Chain } from '../chains/types.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { Alert } from '../primitives/alerts.ts'
import type { Caller } from '../primitives/caller.ts'
import type { BlockRef, ChainRef } from '../primitives/chainRef.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Following } from '../rpc/live/liveChain.ts'
import type { Halt } from '../store/halts.ts'
import type { ForeignUse } from '../store/nonces/foreignUses.ts'
import type { OperationStore } from '../store/operations.ts'
import type { GasUseRow } from '../store/schema.ts'
import type { AccessTo, LiveState } from './chainList.ts'
import { type ChainFigures, gasFigures } from './gasFigures.ts'
import { type GasReport, gasReport, REPORT_DAYS } from './gasReport.ts'

export interface EndpointHealth {
  /** Host and port only: API keys live in paths and queries (T14). */
  readonly host: string
  readonly reachable: boolean
  readonly latencyMs?: number
  /** What the pool makes of it: whether calls go there now. */
  readonly state: 'healthy' | 'lagging' | 'open' | 'probing' | 'wrong-chain'
  /** Share of recent calls that it failed, 0 to 1. */
  readonly errorRate: number
  /** Blocks behind the best endpoint, when that is known. */
  readonly lag?: number
  /** Calls a second that it may be sent now, where there is a limit. */
  readonly rate?: number
  /** Why it is not usable, in our words. */
  readonly problem?: string
}

export interface ProbedEndpoint extends EndpointHealth {
  readonly head?: BlockRef
}

/** The one socket that is open, or that is tried next. */
export interface SocketHealth {
  readonly host: string
  readonly connected: boolean
  /** Share of the time since it was first wanted in which it was connected, 0 to 1. */
  readonly uptime: number
  /** Why it was last lost or refused, in our words. */
  readonly problem?: string
}

export interface ChainHealth {
  readonly chain: ChainRef
  readonly endpoints: readonly EndpointHealth[]
  readonly head?: BlockRef
  /** How the newest block is followed. */
  readonly live: Following
  /** Absent while no heads are wanted, and without a WebSocket. */
  readonly socket?: SocketHealth
  /** Why there are no endpoints to look at. */
  readonly problem?: string
  /** Wallets of whose nonces another program has used some that payments were signed for; absent when there is none. */
  readonly foreignUse?: readonly Omit<ForeignUse, 'chain'>[]
  /** Absent when nothing was paid. */
  readonly fees30d?: GasReport
}

export interface Status {
  readonly version: string
  readonly uptimeSeconds: number
  readonly sandbox: boolean
  readonly chains: readonly ChainHealth[]
  readonly operations: Readonly<Record<'running' | 'committed' | 'failed' | 'stuck' | 'compensated', number>>
  /** What the operator has stopped; absent when signing goes on everywhere. */
  readonly halts?: readonly Halt[]
  readonly journal: { readonly writable: boolean; readonly problem?: string }
  /** Answers that were shown from the cache, since the start. */
  readonly cache: CacheFigures
  /** Absent when none is configured. While it is down each process keeps rate limits of its own. */
  readonly redis?: 'up' | 'down'
  /** What a person should do something about; absent when there is nothing. */
  readonly alerts?: readonly Alert[]
  readonly warnings: readonly string[]
}

export interface CacheFigures {
  readonly size: number
  readonly hits: number
  readonly misses: number
  readonly evictions: number
}

export interface StatusSources {
  readonly version: string
  readonly sandbox: boolean
  readonly directory: ChainDirectory
  readonly operations: OperationStore
  readonly foreignUses: () => Promise<readonly ForeignUse[]>
  /** What transactions used that became final since a time (ISO 8601). */
  readonly gasUses: (since: string) => AsyncIterable<GasUseRow>
  /** The usual name of a function, by its selector. */
  readonly nameOf: (selector: string) => string | undefined
  /** Looks at each endpoint of a chain by itself. */
  readonly probe: (chain: string, signal: AbortSignal) => Promise<readonly ProbedEndpoint[]>
  readonly access: AccessTo
  readonly halts: () => Promise<readonly Halt[]>
  /** Takes the journal's write lock and gives it back. */
  readonly lockJournal: () => Promise<void>
  readonly cache: () => CacheFigures
  /** Rejects when Redis does not answer; absent when none is configured. */
  readonly pingRedis?: (() => Promise<unknown>) | undefined
  readonly alerts: () => readonly Alert[]
  readonly warnings: () => readonly string[]
  readonly clock: Clock
  readonly startedAt: number
}

/** How Bursar and everything that it stands on is now. */
export async function reportStatus(sources: StatusSources, caller: Caller): Promise<Status> {
  const journal = await journalHealth(sources)
  const redis = sources.pingRedis?.().then(
    () => 'up' as const,
    () => 'down' as const,
  )
  const alerts = sources.alerts()
  const halts = journal.writable ? await sources.halts() : []
  const foreign = journal.writable ? await sources.foreignUses() : []
  const figures = journal.writable ? await lastFigures(sources) : NO_FIGURES
  const chains = await Promise.all(
    sources.directory.configured().map(async (chain) => ({
      ...(await chainHealth(sources, chain, caller.signal)),
      ...foreignUseOn(chain, foreign),
      ...feesOn(chain, figures, sources),
    })),
  )
  return {
    version: sources.version,
    uptimeSeconds: Math.floor((sources.clock.now() - sources.startedAt) / 1000),
    sandbox: sources.sandbox,
    chains,
    operations: journal.writable
      ? await sources.operations.countByState()
      : { running: 0, committed: 0, failed: 0, stuck: 0, compensated: 0 },
    ...(halts.length > 0 && { halts }),
    journal,
    cache: sources.cache(),
    ...(redis && { redis: await redis }),
    ...(alerts.length > 0 && { alerts }),
    warnings: sources.warnings(),
  }
}

const NO_FIGURES: ReadonlyMap<string, ChainFigures> = new Map()
const DAY_MS = 86_400_000

function lastFigures({ gasUses, clock }: StatusSources): Promise<ReadonlyMap<string, ChainFigures>> {
  return gasFigures(gasUses(new Date(clock.now() - REPORT_DAYS * DAY_MS).toISOString()))
}

function feesOn(
  chain: Chain,
  figures: ReadonlyMap<string, ChainFigures>,
  { nameOf }: StatusSources,
): Pick<ChainHealth, 'fees30d'> {
  const own = figures.get(chain.id)
  return own ? { fees30d: gasReport(chain, own, nameOf) } : {}
}

function foreignUseOn({ id }: Chain, uses: readonly ForeignUse[]): Pick<ChainHealth, 'foreignUse'> {
  const foreignUse = uses.filter(({ chain }) => chain === id).map(({ chain: _, ...use }) => use)
  return foreignUse.length === 0 ? {} : { foreignUse }
}

async function chainHealth(
  { probe, access }: StatusSources,
  chain: Chain,
  signal: AbortSignal,
): Promise<ChainHealth> {
  try {
    const probed = await probe(chain.id, signal)
    const head = (probed.find(isServing) ?? probed.find((endpoint) => endpoint.head !== undefined))?.head
    const endpoints = probed.map(({ head: _head, ...health }) => health)
    const { live } = await access(chain.id)
    const shown = { chain: chainRef(chain), endpoints, ...liveHealth(live) }
    return { ...shown, ...(head === undefined ? {} : { head }) }
  } catch (error) {
    // A sandbox that cannot start has no endpoints to look at; everything else is still told.
    if (!isBursarError(error)) throw error
    return { chain: chainRef(chain), endpoints: [], live: 'idle', problem: `${error.message} ${error.fix}` }
  }
}

/** Whether its head is the chain's, as far as is known: one that is stuck may be the first that is configured. */
const isServing = ({ head, state }: ProbedEndpoint) => head !== undefined && state === 'healthy'

function liveHealth(state: LiveState): Pick<ChainHealth, 'live' | 'socket'> {
  const live = state.following()
  const report = state.report()
  if (!report) return { live }
  const { host, uptime, reason: problem } = report
  const connected = report.state === 'live'
  const socket = { host, connected, uptime: Number(uptime.toFixed(3)) }
  return { live, socket: problem === undefined ? socket : { ...socket, problem } }
}

async function journalHealth(sources: StatusSources): Promise<Status['journal']> {
  try {
    await sources.lockJournal()
    return { writable: true }
  } catch (error) {
    return { writable: false, problem: isBursarError(error) ? error.message : 'unknown failure' }
  }
}
