import { setMaxListeners } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { isBursarError } from '../../../../src/errors/bursarError.ts'
import { monotonicClock } from '../../../../src/primitives/clock.ts'
import { Secret } from '../../../../src/primitives/secret.ts'
import { redisConnection } from '../../../../src/redis/connection.ts'
import { redisCalls } from '../../../../src/redis/redisCalls.ts'
import { endpointLimiter } from '../../../../src/rpc/endpoint/endpointLimiter.ts'

// Run by tests as a process of its own: calls as fast as the limiter lets it, in batches of 1 to 7, and says when
// each call left, in ms since the epoch, one line a grant: "<time> <calls>". Ends when its stdin does.
// Arguments: URL of Redis, calls a second, callers at a time.
const [redisUrl = '', perSecond = '1', callers = '1'] = process.argv.slice(2)
const redis = redisConnection({ url: new Secret(redisUrl) })
const limiter = endpointLimiter({
  url: new Secret('https://rpc.example/v2/CANARY'),
  chain: 'eip155:1',
  provider: 'alchemy',
  perSecond: Number(perSecond),
  shared: redisCalls(redis),
})
if (!limiter) throw new Error('a limit makes a limiter')

const stop = new AbortController()
setMaxListeners(0, stop.signal)
createInterface(process.stdin).on('close', () => stop.abort(new Error('stdin ended')))

async function call(index: number): Promise<void> {
  const calls = 1 + (index % 7)
  try {
    const askedAt = monotonicClock.now()
    for (let sent = 0; sent < calls; ) {
      const granted = (await limiter?.acquire(calls - sent, stop.signal, sent > 0 ? { askedAt } : {})) ?? 0
      process.stdout.write(`${performance.timeOrigin + performance.now()} ${granted}\n`)
      sent += granted
    }
  } catch (error) {
    if (isBursarError(error, 'provider_throttled')) await delay(50)
    else if (!stop.signal.aborted) throw error
  }
}

process.stdout.write('ready\n')
await Promise.all(
  Array.from({ length: Number(callers) }, async (_, index) => {
    for (let round = index; !stop.signal.aborted; round++) await call(round)
  }),
)
await limiter.close()
await redis.close()
