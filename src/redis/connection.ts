import type { Redis } from 'ioredis'
import { type Logger, silentLogger } from '../primitives/logger.ts'
import { type Metrics, silentMetrics } from '../primitives/metrics.ts'
import { hostOf } from '../primitives/secret.ts'
import type { RedisScript } from './script.ts'
import type { RedisSettings } from './settings.ts'

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
  /** How often it has connected so far: whoever relies on what Redis was told before looks whether this grew. */
  session(): number
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>
  /** Why a command failed, in words that may be shown. */
  why(error: unknown): string
  /** Milliseconds of one round trip. Throws with why it is not reachable, in words that may be shown. */
  ping(): Promise<number>
  close(): Promise<void>
}

const COMMAND_TIMEOUT_MS = 400

/** The reason while it hangs, and while it is still being connected to. */
export const NO_ANSWER = 'no answer in time'

export function redisConnection(settings: RedisSettings, options: RedisOptions = {}): RedisConnection {
  const { logger = silentLogger, metrics = silentMetrics, commandTimeoutMs = COMMAND_TIMEOUT_MS } = options
  const host = hostOf(settings.url.reveal())
  let opening: Promise<Redis> | undefined
  let closed = false
  let reason: string | undefined
  let sessions = 0

  async function open(): Promise<Redis> {
    // Start-up does not pay for the library when nothing asks Redis.
    const { redisClient } = await import('./client.ts')
    const client = redisClient(settings, commandTimeoutMs)
    report(client)
    // Whether it worked is for the command to find out; the events above tell the log.
    await settledWithin(client.connect(), commandTimeoutMs)
    return client
  }

  function report(client: Redis): void {
    let up: boolean | undefined
    client.on('error', (error: Error) => {
      reason = reasonOf(error)
    })
    client.on('ready', () => {
      up = true
      sessions += 1
      reason = undefined
      metrics.gauge('redis_up', { host }, 1)
      logger.info('redis is connected', { host })
    })
    client.on('close', () => {
      if (up === false || closed) return
      up = false
      metrics.gauge('redis_up', { host }, 0)
      logger.warn('redis is not reachable; trying again', { host, reason: reason ?? 'closed' })
    })
  }

  function opened(): Promise<Redis> {
    if (closed) return Promise.reject(new Error('the connection to redis is closed'))
    opening ??= open()
    return opening
  }

  // Why the connection is down says more than that a command needs one.
  const why = (error: unknown) => reason ?? reasonOf(error)

  return {
    host,
    why,
    async opened() {
      await opened()
    },
    session: () => sessions,
    async run(script, keys, args) {
      return script.run(await opened(), keys, args)
    },
    async ping() {
      const client = await opened()
      const asked = performance.now()
      try {
        await client.ping()
      } catch (error) {
        throw new Error(why(error), { cause: error })
      }
      return performance.now() - asked
    },
    async close() {
      closed = true
      const client = await opening?.catch(() => undefined)
      client?.disconnect()
    },
  }
}

/** ECONNREFUSED, WRONGPASS, NOAUTH and the like: a code, never the words of a reply, which may quote a command. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown failure'
  if ('code' in error && typeof error.code === 'string') return error.code
  if (error.message.startsWith('All sentinels are unreachable')) return 'no Sentinel names a primary'
  if (/^(?:Command timed out|Socket timeout|Stream isn't writeable)/.test(error.message)) return NO_ANSWER
  return /^[A-Z]{4,}\b/.exec(error.message)?.[0] ?? error.name
}

async function settledWithin(work: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work.catch(() => undefined), late])
  clearTimeout(timer)
}
