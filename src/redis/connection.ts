import type { Redis } from 'ioredis'
import { type Logger, silentLogger } from '../primitives/logger.ts'
import { type Metrics, silentMetrics } from '../primitives/metrics.ts'
import { hostOf, type Secret } from '../primitives/secret.ts'
import type { RedisScript } from './script.ts'

export interface RedisSettings {
  /** redis:// or rediss:// (TLS); may carry a user name, a password and a database. */
  readonly url: Secret
  /** Win over what the URL carries. */
  readonly password?: Secret
  readonly db?: number
}

export interface RedisOptions {
  readonly logger?: Logger
  readonly metrics?: Metrics
  /** Bound on a command, and on how long the first one waits for the connection. */
  readonly commandTimeoutMs?: number
}

/**
 * One connection to Redis, shared by all who need it. It opens with the first command. Commands fail at once while
 * it is down, and after the time-out while it hangs: each user has another way, and takes it. Behind that it
 * reconnects for ever, at most a second apart.
 */
export interface RedisConnection {
  /** Host and port: all of the URL that may be shown (T14). */
  readonly host: string
  /** Resolves once the first attempt to connect is over, however it ended; for who measures commands. */
  opened(): Promise<void>
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>
  close(): Promise<void>
}

const COMMAND_TIMEOUT_MS = 400
const CONNECT_TIMEOUT_MS = 2_000
const LONGEST_BACKOFF_MS = 1_000

export function redisConnection(settings: RedisSettings, options: RedisOptions = {}): RedisConnection {
  const { logger = silentLogger, metrics = silentMetrics, commandTimeoutMs = COMMAND_TIMEOUT_MS } = options
  const host = hostOf(settings.url.reveal())
  let opening: Promise<Redis> | undefined
  let closed = false

  async function open(): Promise<Redis> {
    // Start-up does not pay for the library when nothing asks Redis.
    const { Redis } = await import('ioredis')
    const client = new Redis(settings.url.reveal(), {
      ...(settings.password && { password: settings.password.reveal() }),
      ...(settings.db !== undefined && { db: settings.db }),
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
    report(client)
    // Whether it worked is for the command to find out; the events above tell the log.
    await settledWithin(client.connect(), commandTimeoutMs)
    return client
  }

  function report(client: Redis): void {
    let up: boolean | undefined
    let reason = 'closed'
    client.on('error', (error: Error & { code?: string }) => {
      reason = error.code ?? error.name
    })
    client.on('ready', () => {
      up = true
      metrics.gauge('redis_up', { host }, 1)
      logger.info('redis is connected', { host })
    })
    client.on('close', () => {
      if (up === false || closed) return
      up = false
      metrics.gauge('redis_up', { host }, 0)
      logger.warn('redis is not reachable; trying again', { host, reason })
    })
  }

  return {
    host,
    async opened() {
      opening ??= open()
      await opening
    },
    async run(script, keys, args) {
      if (closed) throw new Error('the connection to redis is closed')
      opening ??= open()
      const client = await opening
      return script.run(client, keys, args)
    },
    async close() {
      closed = true
      const client = await opening?.catch(() => undefined)
      client?.disconnect()
    },
  }
}

async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work.catch(() => undefined), late])
  clearTimeout(timer)
}
