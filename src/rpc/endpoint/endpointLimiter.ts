import { createHash } from 'node:crypto'
import type { Logger } from '../../primitives/logger.ts'
import type { Metrics } from '../../primitives/metrics.ts'
import { hostOf, type Secret } from '../../primitives/secret.ts'
import type { SharedCalls } from '../../primitives/sharedCalls.ts'
import { AdaptiveRate } from './adaptiveRate.ts'
import { QueuedLimiter } from './queuedLimiter.ts'
import type { Places, RateLimiter } from './rateLimiter.ts'
import { SharedPlaces } from './sharedLimiter.ts'

/** Bottleneck passes about 400 jobs a second at best (facts.md); half of that leaves room for a busy machine. */
const MOST_FOR_BOTTLENECK = 200

export interface EndpointLimit {
  readonly url: Secret
  /** CAIP-2 id. */
  readonly chain: string
  readonly provider: string
  /** Calls a second; absent: there is no limit, and no limiter, whose cost would be for nothing. */
  readonly perSecond: number | undefined
  /** Present when processes share their limits. */
  readonly shared?: SharedCalls
  readonly logger?: Logger
  readonly metrics?: Metrics
}

/** The limiter of one endpoint, or undefined when it has no limit. */
export function endpointLimiter(options: EndpointLimit): RateLimiter | undefined {
  const { perSecond, chain, shared, logger, metrics } = options
  if (perSecond === undefined) return undefined
  const host = hostOf(options.url.reveal())
  const labels = { chain, host }
  const rate = new AdaptiveRate(perSecond)
  const local = localPlaces(perSecond)
  const report = { labels, ...(logger && { logger }), ...(metrics && { metrics }) }
  const places = shared
    ? new SharedPlaces({ shared, scope: limitScope(options), local, rate, ...report })
    : local
  return new QueuedLimiter(places, rate, { host, ...report })
}

/** Room that this process counts alone. Its library is loaded by the first call: start-up must not pay for it. */
function localPlaces(perSecond: number): Places {
  const load = async () => {
    if (perSecond > MOST_FOR_BOTTLENECK) return (await import('./bucketLimiter.ts')).bucketPlaces()
    return (await import('./bottleneckLimiter.ts')).bottleneckPlaces(perSecond)
  }
  let places: Promise<Places> | undefined
  return {
    async take(demand, rate) {
      places ??= load()
      return (await places).take(demand, rate)
    },
    async close() {
      await (await places)?.close?.()
    },
  }
}

/**
 * What providers count by, as a name that may be shown: provider, chain, and a digest of the URL, which holds the
 * API key. Equal in every process that has the same endpoint configured.
 */
export function limitScope({
  provider,
  chain,
  url,
}: Pick<EndpointLimit, 'provider' | 'chain' | 'url'>): string {
  const digest = createHash('sha256').update(url.reveal()).digest('hex').slice(0, 16)
  return `${provider}:${digest}:${chain}`
}
