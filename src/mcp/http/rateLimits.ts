import { isIPv4 } from 'node:net'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { BursarError } from '../../errors/bursarError.ts'

const MINUTE_S = 60
const GROUPS = 8
/** Whoever has one address of IPv6 has all that share these groups. */
const NETWORK_GROUPS = 4

/** Counts requests of a key. Throws `too_many_requests`. */
export type RateLimit = (key: string, requests?: number) => Promise<void>

/** So many requests of each key in a minute, counted by this process. */
export function perMinute(limit: number | undefined, whose: string): RateLimit {
  if (limit === undefined) return async () => {}
  const limiter = new RateLimiterMemory({ points: limit, duration: MINUTE_S })
  return async (key, requests = 1) => {
    if (requests === 0) return
    await limiter.consume(key, requests).catch((refused: unknown) => {
      if (!(refused instanceof RateLimiterRes)) throw refused
      const afterSeconds = Math.max(1, Math.ceil(refused.msBeforeNext / 1000))
      throw new BursarError('too_many_requests', { whose, limit, afterSeconds })
    })
  }
}

/** What addresses are counted by: IPv4 each for itself, IPv6 by its /64. */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return 'unknown'
  const bare = address.toLowerCase().replace(/^::ffff:(?=\d+[.])/, '')
  if (isIPv4(bare)) return bare
  const [head = '', tail] = (bare.split('%')[0] ?? '').split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = Array.from({ length: Math.max(0, GROUPS - left.length - right.length) }, () => '0')
  return [...left, ...zeros, ...right].slice(0, NETWORK_GROUPS).join(':')
}
