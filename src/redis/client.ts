import { Redis } from 'ioredis'
import type { RedisSettings } from './settings.ts'

const CONNECT_TIMEOUT_MS = 2_000
const LONGEST_BACKOFF_MS = 1_000

/** A client that is not connected yet. A module of its own, so that the library is loaded when Redis is asked. */
export function redisClient({ url, password, db }: RedisSettings, commandTimeoutMs: number): Redis {
  return new Redis(url.reveal(), {
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
    retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), LONGEST_BACKOFF_MS),
    // A failover left us with a replica: the next connection finds the new primary.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  })
}
