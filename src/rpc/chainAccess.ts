import type { Chain } from '../chains/types.ts'
import type { Logger } from '../primitives/logger.ts'
import type { Metrics } from '../primitives/metrics.ts'
import type { Secret } from '../primitives/secret.ts'
import type { SharedCalls } from '../primitives/sharedCalls.ts'
import type { Cache } from './cache/cache.ts'
import { cached } from './cache/cached.ts'
import { type ChainClient, chainClient } from './chainClient.ts'
import { coalesced } from './coalesce.ts'
import { endpointLimiter } from './endpoint/endpointLimiter.ts'
import { httpTransport } from './endpoint/httpTransport.ts'
import { rateLimited } from './endpoint/rateLimited.ts'
import { type ChainIdentity, readsOnly, verifiedChain } from './guards.ts'
import type { MemberOptions, MemberReport } from './pool/member.ts'
import { pooled } from './pool/pool.ts'
import { type SendChannel, sendToAll } from './pool/sends.ts'

export interface ChainAccess {
  /** Reads and simulations as the chain is now: for whatever money depends on. */
  readonly client: ChainClient
  /** The same from the cache while it is true: for what is only shown. */
  readonly shown: ChainClient
  /** Endpoints that work now, each by itself: for reads that more than one must agree on. */
  healthy(): readonly ChainClient[]
  /** Forgets what was true of the newest block; called after sends of our own. */
  headMoved(): void
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
}

export interface AccessOptions {
  readonly timeoutMs: number
  readonly cache: Cache
  readonly metrics: Metrics
  readonly logger?: Logger
  /** Where processes that use the same endpoints share their limits; absent: each keeps limits of its own. */
  readonly sharedCalls?: SharedCalls
}

/** Opens the way to one chain over its endpoints; one that works is enough. */
export function openChainAccess(
  chain: Chain,
  endpoints: readonly EndpointOptions[],
  options: AccessOptions,
): ChainAccess {
  if (endpoints.length === 0) throw new TypeError(`${chain.id} has no endpoint`)
  const members = [...endpoints]
    .sort((a, b) => a.priority - b.priority)
    .map((endpoint) => openEndpoint(chain, endpoint, options))
  const clientOf = new Map(
    members.map(({ transport }) => [transport, chainClient(chain.id, readsOnly(transport))]),
  )
  const pool = pooled(members, { chain: chain.id, maxLag: maxLagOf(chain), metrics: options.metrics })
  const reads = readsOnly(coalesced(pool))
  const shown = cached(reads, options.cache, chain.id)
  pool.onHead(shown.headMoved)
  return {
    client: chainClient(chain.id, reads),
    shown: chainClient(chain.id, shown),
    healthy: () => pool.healthy().flatMap((transport) => clientOf.get(transport) ?? []),
    headMoved: shown.headMoved,
    sends: sendToAll(pool.ready),
    endpoints: [...clientOf.values()],
    report: pool.report,
    close: pool.close,
  }
}

/** The limiter is next to the wire: hedges, probes and the look at the chain id count like everything else. */
function openEndpoint(chain: Chain, endpoint: EndpointOptions, options: AccessOptions): MemberOptions {
  const { url, priority, weight = 1, provider = 'own', rateLimit: perSecond } = endpoint
  const { timeoutMs, metrics, logger, sharedCalls: shared } = options
  const sharing = { ...(logger && { logger }), ...(shared && { shared }) }
  const limiter = endpointLimiter({ url, chain: chain.id, provider, perSecond, metrics, ...sharing })
  const wire = rateLimited(httpTransport({ url, timeoutMs }), limiter)
  return { transport: verifiedChain(wire, identityOf(chain), chain.id), priority, weight, limiter }
}

/** A head may be as old as ten seconds' worth of blocks, and two blocks on slow chains. */
function maxLagOf(chain: Chain): bigint {
  return BigInt(Math.max(2, Math.ceil(10_000 / chain.blockTimeMs)))
}

function identityOf(chain: Chain): ChainIdentity {
  const reference = chain.id.slice(chain.id.indexOf(':') + 1)
  return { method: 'eth_chainId', expected: `0x${BigInt(reference).toString(16)}` }
}
