import { createInterface } from 'node:readline'
import { FallbackNonces } from '../../../src/nonces/fallbackNonces.ts'
import { SharedNonces } from '../../../src/nonces/sharedNonces.ts'
import { systemClock } from '../../../src/primitives/clock.ts'
import type { Logger } from '../../../src/primitives/logger.ts'
import { silentMetrics } from '../../../src/primitives/metrics.ts'
import { Secret } from '../../../src/primitives/secret.ts'
import { redisConnection } from '../../../src/redis/connection.ts'
import { RedisNonces } from '../../../src/redis/redisNonces.ts'
import { Journal } from '../../../src/store/journal.ts'
import { NonceTableStore } from '../../../src/store/nonces/nonces.ts'
import { StepStore } from '../../../src/store/steps/steps.ts'
import { signAtNonce } from '../../../src/transactions/signing/signAtNonce.ts'
import { begin, bytesOf } from './begun.ts'

// Run by tests as a process of its own: begins steps, reserves, "signs" and records as the driver does, and says what
// the journal has: "signed <nonce>", one line a step. With "hold" it says "reserved <nonce>" before each signature and
// waits for a line on its stdin. Arguments: path of the journal, URL of Redis, lease in ms, how many, at a time, hold.
const [path = '', url = '', leaseMs = '0', count = '0', atATime = '1', hold] = process.argv.slice(2)
const say = (line: string) => void process.stdout.write(`${line}\n`)
const logger: Logger = {
  debug() {},
  info: (message) => say(`informed ${message}`),
  warn: (message) => say(`warned ${message}`),
  error: say,
}
const journal = new Journal(path, systemClock)
const table = new NonceTableStore(journal)
const redis = redisConnection({ url: new Secret(url) }, { commandTimeoutMs: 5_000 })
const shared = new SharedNonces(new RedisNonces(redis, Number(leaseMs)), table)
const nonces = new FallbackNonces({
  shared,
  journal: table,
  without: 'journal',
  logger,
  metrics: silentMetrics,
})
const parts = { nonces, steps: new StepStore(journal) }

const lines = createInterface(process.stdin)
const told = lines[Symbol.asyncIterator]()
let left = Number(count)

async function pay(): Promise<void> {
  while (left-- > 0) {
    const step = await begin(journal)
    const attempt = await signAtNonce(parts, step, 0n, { receipt: '{}' }, async (nonce) => {
      if (hold === 'hold') {
        say(`reserved ${nonce}`)
        await told.next()
      }
      return bytesOf(step, nonce)
    })
    say(`signed ${BigInt(attempt.nonce)}`)
  }
}

await Promise.all(Array.from({ length: Number(atATime) }, pay))
lines.close()
await redis.close()
await journal.close()
