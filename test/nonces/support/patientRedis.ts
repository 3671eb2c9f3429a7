import { expect } from 'vitest'
import { Secret } from '../../../src/primitives/secret.ts'
import { type RedisConnection, redisConnection } from '../../../src/redis/connection.ts'

/** A connection whose first command waits until it is there, however busy the machine is: what is tested comes later. */
export function patientRedis(url: string): RedisConnection {
  const redis = redisConnection({ url: new Secret(url) }, { commandTimeoutMs: 5_000 })
  let ready: Promise<void> | undefined
  const answers = () =>
    redis.ping().then(
      () => true,
      () => false,
    )
  return {
    ...redis,
    opened() {
      ready ??= expect.poll(answers, { timeout: 20_000 }).toBe(true)
      return ready
    },
  }
}
