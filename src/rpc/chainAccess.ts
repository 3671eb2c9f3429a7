import type { Chain } from '../chains/types.ts'
import { systemClock } from '../primitives/clock.ts'
import { type Logger, silentLogger } from '../primitives/logger.ts'
import type { Metrics } from '../primitives/metrics.ts'
import type { Secret } from '../primitives/secret.ts'
import type { SharedCalls } from '../primitives/sharedCalls.ts'
import type { Cache } from './cache/cache.ts'
import { cached } from './cache/cached.ts'
import { type ChainClient, chainClient } from './chainClient.ts'
import { coalesced, MAX_BATCH } from './coalesce.ts'
import { splittingRefusedBatches } from './endpoint/batches.ts'
import { endpointLimiter } from './endpoint/endpointLimiter.ts'
import { httpTransport } from './endpoint/httpTransport.ts'
import { rateLimited } from './endpoint/rateLimited.ts'
import { type ChainIdentity, readsOnly, verifiedChain } from './guards.ts'
import { HeadFeed, type HeadListener, IDLE_MS } from './headFeed.ts'
import type { HeadTiming } from './live/headTracker.ts'
import { type LiveChain, liveChain } from './live/liveChain.ts'
import type { SocketTiming } from './live/socketConnection.ts'
import { probeSocket, type SocketProbe } from './live/socketLine.ts'
import type { MemberOptions, MemberReport } from './pool/member.ts'
import { pooled } from './pool/pool.ts'
import { type SendChannel, sendToAll } from './pool/sends.ts'
import type { RpcTransport } from './transport.ts'

export interface ChainAccess {
  /** Reads and simulations as the chain is now: for whatever money depends on. */
  readonly client: ChainClient
  /** The same from the cache while it is true: for what is only shown. */
  readonly shown: ChainClient
  /** Endpoints that answer now, each by itself: for reads that more than one must agree on. */
  witnesses(): readonly ChainClient[]
  /** Whether one of them has long stopped following the chain, by what was seen of it. */
  witnessStopped(client: ChainClient): boolean
  /** Notes one of them that was asked and could not be counted. */
  witnessLeftOut(host: string, why: string): void
  /** Forgets what was true of the newest block; called after sends of our own. */
  headMoved(): void
  /** Whether any endpoint has a socket. */
  readonly pushes: boolean
  /**
   * Tells of each new head and reorganisation, in order and none twice, until the returned function is called: over
   * the socket, else by asking once a block while somebody listens. A hint where to look, and no proof.
   */
  onHead(listener: HeadListener): () => void
  /** Heads, events and pending hashes as they come. */
  readonly live: LiveChain
  /** Looks at each socket by itself. */
  probeSockets(signal: AbortSignal): Promise<readonly SocketProbe[]>
  /** The way for signed bytes. The composition root hands it to the broadcaster and to nobody else (R7). */
  readonly sends: SendChannel
  /** One client per endpoint, in order of priority, to look at each by itself. */
  readonly endpoints: readonly ChainClient[]
  /** Health of the endpoints, as last seen. */
  report(): readonly MemberReport[]
  close(): Promise<void>
}

export interface EndpointOptions {
  readonly url: Secret
  readonly priority: number
  readonly weight?: number
  /** Whose it is, for the names of shared limits. */
  readonly provider?: string
  /** Calls a second that it may be sent; absent: as many as there are. */
  readonly rateLimit?: number
  /** The same provider's WebSocket. */
  readonly socket?: Secret
}

export interface AccessOptions {
  readonly timeoutMs: number
  readonly cache: Cache
  readonly metrics: Metrics
  readonly logger?: Logger
  /** Where processes that use the same endpoints share their limits; absent: each keeps limits of its own. */
  readonly sharedCalls?: SharedCalls
  readonly live?: LiveTiming
}

export interface LiveTiming {
  readonly socket?: SocketTiming
  readonly heads?: HeadTiming
  /** An unused chain is no longer followed after so long. */
  readonly idleMs?: number
}

/** Blocks that a pushed head is above what an endpoint has answered, from which on nobody is measured by it. */
const FAR_AHEAD = 100n

/** Opens the way to one chain over its endpoints; one that works is enough. */
export function openChainAccess(
  chain: Chain,
  endpoints: readonly EndpointOptions[],
  options: AccessOptions,
): ChainAccess {
  if (endpoints.length === 0) throw new TypeError(`${chain.id} has no endpoint`)
  const members = [...endpoints]
    .sort((a, b) => a.priority - b.priority)
    .map((endpoint) => ({ ...openEndpoint(chain, endpoint, options), socket: endpoint.socket }))
  const pool = pooled(members, {
    ...{ chain: chain.id, blockTimeMs: chain.blockTimeMs },
    ...{ maxLag: maxLagOf(chain), metrics: options.metrics },
  })
  const clientOf = new Map(
    members.map(({ transport }, index) => {
      return [transport, chainClient(chain.id, readsOnly(pool.each[index] ?? transport))]
    }),
  )
  const reads = readsOnly(coalesced(pool, widestBatch(endpoints)))
  const shown = cached(reads, options.cache, {
    ...{ chain: chain.id, confirmations: chain.confirmations, metrics: options.metrics },
  })
  let answered: bigint | undefined
  pool.onHead((head) => {
    answered = head
    shown.headMoved(head)
  })
  const client = chainClient(chain.id, reads)
  const identity = identityOf(chain)
  const sockets = members.flatMap(({ socket, limiter }) =>
    socket ? [{ url: socket, ...(limiter && { limiter }) }] : [],
  )
  const logger = options.logger ?? silentLogger
  const live = liveChain({
    ...{ chain, identity, client, sockets, logger, metrics: options.metrics, clock: systemClock },
    ...(options.live?.socket && { socket: options.live.socket }),
    ...(options.live?.heads && { heads: options.live.heads }),
  })
  const feed = new HeadFeed({
    live,
    hasSocket: sockets.length > 0,
    onMoved({ number }, linked) {
      // Measured by a block from the far future every honest endpoint is behind, and nothing would be kept (T12).
      if (answered !== undefined && number > answered + FAR_AHEAD) shown.headMoved()
      else shown.headIs(number, linked)
    },
    logger,
    idleMs: options.live?.idleMs ?? IDLE_MS,
  })
  const shownWhileFollowed: RpcTransport = {
    ...shown,
    send(requests, signal) {
      feed.used()
      return shown.send(requests, signal)
    },
  }
  return {
    client,
    shown: chainClient(chain.id, shownWhileFollowed),
    witnesses: () => pool.reachable().flatMap((transport) => clientOf.get(transport) ?? []),
    witnessStopped: (witness) =>
      members.some(({ transport }) => clientOf.get(transport) === witness && pool.hasStopped(transport)),
    witnessLeftOut(host, why) {
      options.metrics.count('rpc_witnesses_left_out', { chain: chain.id, host, why })
      logger.debug('a witness was left out', { chain: chain.id, host, why })
    },
    headMoved: shown.headMoved,
    pushes: sockets.length > 0,
    onHead: (listener) => feed.onHead(listener),
    live,
    probeSockets: (signal) =>
      Promise.all(
        sockets.map((socket) =>
          probeSocket(socket, { chain: chain.id, identity }, options.timeoutMs, signal),
        ),
      ),
    sends: sendToAll(pool.ready),
    endpoints: [...clientOf.values()],
    report: pool.report,
    async close() {
      feed.close()
      await live.close()
      await pool.close()
    },
  }
}

/** The limiter is next to the wire: hedges, probes and the look at the chain id count like everything else. */
function openEndpoint(chain: Chain, endpoint: EndpointOptions, options: AccessOptions): MemberOptions {
  const { url, priority, weight = 1, provider = 'own', rateLimit: perSecond } = endpoint
  const { timeoutMs, metrics, logger, sharedCalls: shared } = options
  const sharing = { ...(logger && { logger }), ...(shared && { shared }) }
  const limiter = endpointLimiter({ url, chain: chain.id, provider, perSecond, metrics, ...sharing })
  const wire = splittingRefusedBatches(rateLimited(httpTransport({ url, timeoutMs }), limiter))
  return { transport: verifiedChain(wire, identityOf(chain), chain.id), priority, weight, limiter }
}

/**
 * Callers are joined into no more than the tightest limit lets through in a second: in a larger batch the one that asks
 * little would wait for those that ask much.
 */
function widestBatch(endpoints: readonly EndpointOptions[]): number {
  return Math.min(MAX_BATCH, ...endpoints.map(({ rateLimit }) => rateLimit ?? MAX_BATCH))
}

/** A head may be as old as ten seconds' worth of blocks, and two blocks on slow chains. */
function maxLagOf(chain: Chain): bigint {
  return BigInt(Math.max(2, Math.ceil(10_000 / chain.blockTimeMs)))
}

function identityOf(chain: Chain): ChainIdentity {
  const reference = chain.id.slice(chain.id.indexOf(':') + 1)
  return { method: 'eth_chainId', expected: `0x${BigInt(reference).toString(16)}` }
}
