import type { Chain } from '../chains/types.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Metrics } from '../primitives/metrics.ts'
import type { Secret } from '../primitives/secret.ts'
import type { Cache } from './cache/cache.ts'
import { cached } from './cache/cached.ts'
import { type ChainClient, chainClient } from './chainClient.ts'
import { coalesced } from './coalesce.ts'
import { bottleneckLimiter } from './endpoint/bottleneckLimiter.ts'
import { httpTransport } from './endpoint/httpTransport.ts'
import { rateLimited } from './endpoint/rateLimited.ts'
import { type ChainIdentity, readsOnly, verifiedChain } from './guards.ts'
import type { MemberReport } from './pool/member.ts'
import { pooled } from './pool/pool.ts'
import { type SendChannel, sendToAll } from './pool/sends.ts'
import type { RpcTransport } from './transport.ts'

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
  /** Calls a second that the provider allows; absent: it has no limit. */
  readonly rateLimit?: number
}

export interface AccessOptions {
  readonly timeoutMs: number
  readonly clock: Clock
  readonly cache: Cache
  readonly metrics: Metrics
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
    .map((endpoint) => ({
      transport: openEndpoint(chain, endpoint, options),
      priority: endpoint.priority,
      weight: endpoint.weight ?? 1,
    }))
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
    sends: sendToAll(pool.healthy),
    endpoints: [...clientOf.values()],
    report: pool.report,
    close: pool.close,
  }
}

/** Outermost first: the limit counts what is really sent, and the chain is verified within it. */
function openEndpoint(chain: Chain, endpoint: EndpointOptions, options: AccessOptions): RpcTransport {
  const http = httpTransport({ url: endpoint.url, timeoutMs: options.timeoutMs })
  const limited =
    endpoint.rateLimit === undefined
      ? http
      : rateLimited(http, bottleneckLimiter(endpoint.rateLimit, options.clock))
  return verifiedChain(limited, identityOf(chain), chain.id)
}

/** A head may be as old as ten seconds' worth of blocks, and two blocks on slow chains. */
function maxLagOf(chain: Chain): bigint {
  return BigInt(Math.max(2, Math.ceil(10_000 / chain.blockTimeMs)))
}

function identityOf(chain: Chain): ChainIdentity {
  const reference = chain.id.slice(chain.id.indexOf(':') + 1)
  return { method: 'eth_chainId', expected: `0x${BigInt(reference).toString(16)}` }
}
