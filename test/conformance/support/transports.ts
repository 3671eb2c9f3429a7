import { allChains } from '../../../src/chains/allChains.ts'
import type { Chain } from '../../../src/chains/types.ts'
import { unattended } from '../../../src/primitives/abort.ts'
import { systemClock } from '../../../src/primitives/clock.ts'
import { silentLogger } from '../../../src/primitives/logger.ts'
import { silentMetrics } from '../../../src/primitives/metrics.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { cached } from '../../../src/rpc/cache/cached.ts'
import { lruNodeCache } from '../../../src/rpc/cache/lruNodeCache.ts'
import { type EndpointOptions, openChainAccess } from '../../../src/rpc/chainAccess.ts'
import { coalesced } from '../../../src/rpc/coalesce.ts'
import { AdaptiveRate } from '../../../src/rpc/endpoint/adaptiveRate.ts'
import { splittingRefusedBatches } from '../../../src/rpc/endpoint/batches.ts'
import { bottleneckPlaces } from '../../../src/rpc/endpoint/bottleneckLimiter.ts'
import { bucketPlaces } from '../../../src/rpc/endpoint/bucketLimiter.ts'
import { httpTransport } from '../../../src/rpc/endpoint/httpTransport.ts'
import { QueuedLimiter } from '../../../src/rpc/endpoint/queuedLimiter.ts'
import { rateLimited } from '../../../src/rpc/endpoint/rateLimited.ts'
import type { Places } from '../../../src/rpc/endpoint/rateLimiter.ts'
import { readsOnly, verifiedChain } from '../../../src/rpc/guards.ts'
import { SocketConnection, socketTiming } from '../../../src/rpc/live/socketConnection.ts'
import { pooled } from '../../../src/rpc/pool/pool.ts'
import type { RpcTransport } from '../../../src/rpc/transport.ts'

/** Where the one endpoint that works is, and others beside it. */
export interface Endpoints {
  readonly url: string
  /** The same endpoint over a WebSocket. */
  readonly socket: string
  /** An endpoint that serves another chain. */
  readonly otherChain: string
}

/** A way to a chain, and in what it differs from plain HTTP. */
export interface Wrapper {
  open(endpoints: Endpoints): RpcTransport
  /** Whose host and port it names, in this order; absent: its endpoint's. */
  readonly hosts?: readonly (keyof Endpoints | 'dead')[]
  /** The code that a failure of its endpoint comes as, where it is another one. */
  readonly says?: Partial<Record<Failure, string>>
  /** What an answer of another chain comes as; absent: as an answer. */
  readonly otherChain?: string
  /** The code that refuses to send signed bytes; absent: they pass. */
  readonly sendsRefused?: string
  /** It answers the same question from memory. */
  readonly remembers?: true
  /** It takes a while until it can be asked, at first and after a failure. */
  readonly ready?: (transport: RpcTransport) => Promise<boolean>
}

export type Failure = 'provider_unreachable' | 'provider_throttled' | 'provider_garbage'

const TIMEOUT_MS = 1_000
/** Nothing listens there. */
const DEAD = 'http://127.0.0.1:1'
export const DEAD_HOST = '127.0.0.1:1'
/** Far more calls a second than a test makes, within what Bottleneck is used for. */
const PER_SECOND = 200

const chain = allChains.find(({ id }) => id === 'eip155:31337') as Chain
const identity = { method: 'eth_chainId', expected: '0x7a69' }
const http = (url: string) => httpTransport({ url: new Secret(url), timeoutMs: TIMEOUT_MS })
const verified = (url: string) => verifiedChain(http(url), identity, chain.id)
const pool = (...transports: readonly RpcTransport[]) =>
  pooled(
    transports.map((transport, priority) => ({ transport, priority, weight: 1 })),
    { chain: chain.id, maxLag: 10n, blockTimeMs: chain.blockTimeMs, metrics: silentMetrics },
  )

function limitedBy(places: Places, url: string): RpcTransport {
  const { host } = new URL(url)
  return rateLimited(http(url), new QueuedLimiter(places, new AdaptiveRate(PER_SECOND), { host }))
}

/** Everything at once, as the runtime opens it; `way` is which of its two clients. */
function stack(way: 'client' | 'shown', urls: readonly string[], rateLimit?: number): RpcTransport {
  const limit = rateLimit === undefined ? {} : { rateLimit }
  const endpoints = urls.map((url, priority): EndpointOptions => {
    return { url: new Secret(url), priority, ...limit }
  })
  const options = { timeoutMs: TIMEOUT_MS, cache: lruNodeCache(100), metrics: silentMetrics }
  const access = openChainAccess(chain, endpoints, options)
  const { host, batch } = access[way]
  return { host, send: batch, close: access.close }
}

function socketTo(url: string): RpcTransport {
  const socket = new SocketConnection({
    ...{ chain: chain.id, identity, endpoints: [{ url: new Secret(url) }] },
    timing: { ...socketTiming, timeoutMs: TIMEOUT_MS, backoff: { minMs: 5, maxMs: 40 } },
    ...{ clock: systemClock, metrics: silentMetrics, logger: silentLogger },
  })
  socket.start()
  return socket
}

const verifies = { otherChain: 'provider_wrong_chain' }
const readOnly = { sendsRefused: 'send_forbidden' }
const everything = { ...verifies, ...readOnly }
/** When nobody answers, a pool tells what went wrong first, and a dead primary is the first. */
const deadFirst = {
  hosts: ['dead', 'url'],
  says: { provider_throttled: 'provider_unreachable', provider_garbage: 'provider_unreachable' },
} as const

/** Every way to a chain. Whatever wraps a transport behaves as one. */
export const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  http: { open: ({ url }) => http(url) },
  'verified chain': { open: ({ url }) => verified(url), ...verifies },
  'reads only': { open: ({ url }) => readsOnly(http(url)), ...readOnly },
  coalesced: { open: ({ url }) => coalesced(http(url)) },
  'these four': { open: ({ url }) => readsOnly(coalesced(verified(url))), ...everything },
  'splitting refused batches': { open: ({ url }) => splittingRefusedBatches(http(url)) },
  'no limit': { open: ({ url }) => rateLimited(http(url)) },
  'rate limit of Bottleneck': { open: ({ url }) => limitedBy(bottleneckPlaces(PER_SECOND), url) },
  'rate limit of buckets': { open: ({ url }) => limitedBy(bucketPlaces(), url) },
  'pool of one': { open: ({ url }) => pool(http(url)) },
  'pool, its primary dead': { open: ({ url }) => pool(http(DEAD), http(url)), ...deadFirst },
  'pool, its standby dead': { open: ({ url }) => pool(http(url), http(DEAD)), hosts: ['url', 'dead'] },
  // Another chain is a failure like others: the next one is asked, and when all fail it is told as the first.
  'pool, its primary on another chain': {
    open: ({ url, otherChain }) => pool(verified(otherChain), verified(url)),
    hosts: ['otherChain', 'url'],
    says: {
      provider_unreachable: 'provider_wrong_chain',
      provider_throttled: 'provider_wrong_chain',
      provider_garbage: 'provider_wrong_chain',
    },
    ...verifies,
  },
  cached: { open: ({ url }) => cached(http(url), lruNodeCache(100), { chain: chain.id }), remembers: true },
  'the whole stack': { open: ({ url }) => stack('client', [url]), ...everything },
  'the whole stack, limited': { open: ({ url }) => stack('client', [url], PER_SECOND), ...everything },
  'the whole stack, its primary dead': {
    open: ({ url }) => stack('client', [DEAD, url], PER_SECOND),
    ...deadFirst,
    // The first of two to fail is the dead one, which nobody can ask for its chain.
    ...{ ...everything, otherChain: 'provider_unreachable' },
  },
  'the whole stack, as shown': { open: ({ url }) => stack('shown', [url]), ...everything, remembers: true },
  'a socket': {
    open: ({ socket }) => socketTo(socket),
    hosts: ['socket'],
    // All that a socket can say is goodbye.
    says: { provider_throttled: 'provider_unreachable', provider_garbage: 'provider_unreachable' },
    otherChain: 'provider_unreachable',
    ...readOnly,
    ready: (transport) =>
      transport.send([{ method: 'eth_chainId', params: [] }], unattended()).then(
        () => true,
        () => false,
      ),
  },
}
