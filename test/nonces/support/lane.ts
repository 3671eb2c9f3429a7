import { FallbackNonces } from '../../../src/nonces/fallbackNonces.ts'
import type { NonceStore } from '../../../src/nonces/nonceStore.ts'
import { SharedNonces } from '../../../src/nonces/sharedNonces.ts'
import type { Logger } from '../../../src/primitives/logger.ts'
import { type Metrics, silentMetrics } from '../../../src/primitives/metrics.ts'
import type { RedisConnection } from '../../../src/redis/connection.ts'
import { RedisNonces } from '../../../src/redis/redisNonces.ts'
import { NonceTableStore } from '../../../src/store/nonces/nonces.ts'
import type { StepRow } from '../../../src/store/schema.ts'
import { readRows } from '../../support/engine.ts'
import { journalFile, record } from './begun.ts'
import { patientRedis } from './patientRedis.ts'

type Wire = Pick<RedisConnection, 'opened' | 'session' | 'run' | 'why'>

export type TestLane = ReturnType<typeof startLane>

/** One journal, and what processes that share it have. */
export function startLane(url: string) {
  const file = journalFile()
  const journal = file.open()
  const table = new NonceTableStore(journal)
  const connections: RedisConnection[] = []
  const log: string[] = []
  const counts = new Map<string, number>()
  const say = (level: string) => (message: string, fields?: object) =>
    void log.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`)
  const logger: Logger = { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }
  const metrics: Metrics = {
    ...silentMetrics,
    count: (name, labels) => {
      const key = `${name} ${JSON.stringify(labels)}`
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
  }
  const time = { ms: 0 }
  const connect = () => {
    const redis = patientRedis(url)
    connections.push(redis)
    return redis
  }
  return {
    journal,
    table,
    connect,
    counts,
    /** By which a store that was refused by Redis decides to ask it again. */
    time,
    /** Another process: it knows of no lane, and nobody helps it when Redis is away. */
    shared: (clock = { now: () => 0 }, of = table) => new SharedNonces(new RedisNonces(connect()), of, clock),
    /** Another process, as the runtime makes it. */
    guarded: (without: 'journal' | 'refuse' = 'journal', redis: Wire = connect(), of = table) =>
      new FallbackNonces({
        shared: new SharedNonces(new RedisNonces(redis as RedisConnection), of),
        journal: of,
        without,
        logger,
        metrics,
        clock: { now: () => time.ms },
      }),
    key: async () => `bursar:nonces:${await table.identity()}:{eip155:31337:0xA}`,
    said: (beginning: string) => log.filter((line) => line.startsWith(beginning)),
    rows: (sql: string) => readRows(file.path, sql),
    /** As the driver does: until the journal has it. */
    async sign(store: NonceStore, step: StepRow, floor = 0n): Promise<bigint> {
      for (let tries = 0; tries < 5; tries++) {
        const nonce = await store.reserve(step, floor)
        try {
          await record(journal, step, nonce)
          await store.recorded(step, nonce)
          return nonce
        } catch {
          await store.refused(step, nonce)
        }
      }
      throw new Error('it was refused five times')
    },
    async stop() {
      await Promise.all(connections.map((redis) => redis.close()))
      await file.remove()
    },
  }
}
