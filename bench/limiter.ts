import { unattended } from '../src/primitives/abort.ts'
import { Secret } from '../src/primitives/secret.ts'
import { redisConnection } from '../src/redis/connection.ts'
import { redisCalls } from '../src/redis/redisCalls.ts'
import { AdaptiveRate } from '../src/rpc/endpoint/adaptiveRate.ts'
import { bottleneckPlaces } from '../src/rpc/endpoint/bottleneckLimiter.ts'
import { bucketPlaces } from '../src/rpc/endpoint/bucketLimiter.ts'
import { QueuedLimiter } from '../src/rpc/endpoint/queuedLimiter.ts'
import { rateLimited } from '../src/rpc/endpoint/rateLimited.ts'
import type { Places } from '../src/rpc/endpoint/rateLimiter.ts'
import { SharedPlaces } from '../src/rpc/endpoint/sharedLimiter.ts'
import type { RpcTransport } from '../src/rpc/transport.ts'
import { startRedisServer } from '../test/support/redisServer.ts'
import { type Figures, line, median, round } from './support/figures.ts'

/** Far above what is called, so that only the limiter's own cost is seen and no call waits for its turn. */
const OUT_OF_REACH = 1_000_000
const ALONE = 300
const ROUNDS = 30
const TOGETHER = 64

const never = unattended()
const answer = Promise.resolve([{ ok: true, result: '0x1' } as const])
const instant: RpcTransport = {
  host: 'bench',
  send: () => answer,
  close: () => Promise.resolve(),
}
const REQUEST = [{ method: 'eth_call', params: [] }]

/** What a limiter adds to a call that need not wait: one at a time, and 64 at once. The baseline is no limiter. */
export async function run(): Promise<Figures> {
  const server = await startRedisServer()
  const redis = redisConnection({ url: new Secret(server.url) })
  const rate = new AdaptiveRate(OUT_OF_REACH)
  const shared = new SharedPlaces({ shared: redisCalls(redis), scope: 'bench', local: bucketPlaces(), rate })
  const over = (places: Places) => rateLimited(instant, new QueuedLimiter(places, rate, { host: 'bench' }))
  const candidates: readonly [key: string, name: string, transport: RpcTransport][] = [
    ['none', 'no limit', rateLimited(instant)],
    ['bottleneck', 'Bottleneck (limits up to 200)', over(bottleneckPlaces(OUT_OF_REACH))],
    ['bucket', 'buckets (limits above 200)', over(bucketPlaces())],
    ['redis', 'shared through Redis', over(shared)],
  ]
  try {
    line('microseconds a call', 'alone', `${TOGETHER} at once`)
    const figures: Record<string, number> = {}
    for (const [key, name, transport] of candidates) {
      const alone = await measureAlone(transport)
      const together = await measureTogether(transport)
      line(name, alone.toFixed(1), together.toFixed(1))
      figures[`${key}AloneUs`] = round(alone)
      figures[`${key}TogetherUs`] = round(together)
    }
    return figures
  } finally {
    await shared.close()
    await redis.close()
    await server.stop()
  }
}

async function measureAlone(transport: RpcTransport): Promise<number> {
  await transport.send(REQUEST, never)
  const times: number[] = []
  for (let call = 0; call < ALONE; call++) {
    const began = performance.now()
    await transport.send(REQUEST, never)
    times.push((performance.now() - began) * 1000)
  }
  return median(times)
}

async function measureTogether(transport: RpcTransport): Promise<number> {
  const times: number[] = []
  for (let batch = 0; batch < ROUNDS; batch++) {
    const began = performance.now()
    await Promise.all(Array.from({ length: TOGETHER }, () => transport.send(REQUEST, never)))
    times.push(((performance.now() - began) * 1000) / TOGETHER)
  }
  return median(times)
}
