import { hostOf, Secret } from '../primitives/secret.ts'
import { namesSentinels, sentinelUrl } from '../primitives/sentinelUrl.ts'
import { isNearby } from './endpoints.ts'
import type { Findings } from './findings.ts'
import type { RedisConfig } from './types.ts'
import { choice, type Environment, text, wholeNumber } from './values.ts'

const MOST_DATABASES = 1_024
const NO_PROTOCOL = 'must start with redis://, rediss:// (TLS), redis+sentinel:// or rediss+sentinel:// (TLS)'
const NOT_SENTINELS = 'is not of the form redis+sentinel://user:password@host:26379,host:26379/name/0'

/** Where the processes of one operator meet; undefined when REDIS_URL is unset, or something is wrong and reported. */
export function readRedis(env: Environment, findings: Findings): RedisConfig | undefined {
  const url = text(env, 'REDIS_URL')
  const password = text(env, 'REDIS_PASSWORD')
  const db = wholeNumber(env, 'REDIS_DB', { min: 0, max: MOST_DATABASES - 1 }, findings)
  const nonceFallback = choice(env, 'NONCE_FALLBACK', ['journal', 'refuse'], findings)
  if (url === undefined) {
    if (password !== undefined) findings.warning('REDIS_PASSWORD does nothing without REDIS_URL')
    if (db !== undefined) findings.warning('REDIS_DB does nothing without REDIS_URL')
    if (nonceFallback === 'refuse') findings.warning('NONCE_FALLBACK does nothing without REDIS_URL')
    return undefined
  }
  const wrong = whatIsWrong(url)
  if (wrong !== undefined) {
    findings.problem(`REDIS_URL ${wrong}`)
    return undefined
  }
  if (nonceFallback === undefined) return undefined
  const host = hostOf(url)
  if (!/^rediss[:+]/i.test(url) && !host.split(',').every(isNearby)) {
    findings.warning(
      `REDIS_URL talks to ${host} without encryption: others can read and change what is shared`,
    )
  }
  return {
    url: new Secret(url),
    host,
    nonceFallback,
    ...(password === undefined ? {} : { password: new Secret(password) }),
    ...(db === undefined ? {} : { db }),
  }
}

function whatIsWrong(url: string): string | undefined {
  if (namesSentinels(url)) return sentinelUrl(url) ? undefined : NOT_SENTINELS
  if (!URL.canParse(url)) return 'is not a URL; give one such as redis://host:6379 or rediss://host:6379'
  const { protocol, hostname, pathname } = new URL(url)
  if (protocol !== 'redis:' && protocol !== 'rediss:') return NO_PROTOCOL
  if (hostname === '') return 'names no host'
  if (!/^(?:\/\d{0,4})?$/.test(pathname)) return 'may have a database number after the host, and nothing else'
  return undefined
}
