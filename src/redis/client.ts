import { Redis } from 'ioredis'
import { type SentinelUrl, sentinelUrl } from '../primitives/sentinelUrl.ts'
import type { RedisSettings } from './settings.ts'

const CONNECT_TIMEOUT_MS = 2_000
/** To ask a Sentinel is to connect to it first, perhaps by TLS; the next one is asked after this. */
const SENTINEL_TIMEOUT_MS = 1_500
const LONGEST_BACKOFF_MS = 1_000
/** A connection on which an answer is missing for so long is given up: behind a new one may be another primary. */
const SILENT_MS = 2_000

const backoff = (times: number) => Math.min(50 * 2 ** Math.min(times, 10), LONGEST_BACKOFF_MS)

/** A client that is not connected yet. A module of its own, so that the library is loaded when Redis is asked. */
export function redisClient({ url, password, db }: RedisSettings, commandTimeoutMs: number): Redis {
  const behind = sentinelUrl(url.reveal())
  const options = {
    ...(behind && bySentinels(behind)),
    ...(password && { password: password.reveal() }),
    ...(db !== undefined && { db }),
    connectionName: 'bursar',
    lazyConnect: true,
    enableOfflineQueue: false,
    // A command that was under way when the connection broke has an unknown outcome: it fails, and is not repeated.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: SILENT_MS,
    retryStrategy: backoff,
    // A failover left us with a replica: the next connection finds the new primary.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  }
  return behind ? new Redis(options) : new Redis(url.reveal(), options)
}

function bySentinels({ sentinels, tls, ...primary }: SentinelUrl) {
  return {
    ...primary,
    sentinels: [...sentinels],
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    sentinelRetryStrategy: backoff,
    ...(tls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
  }
}
