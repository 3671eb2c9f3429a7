import { setTimeout as delay } from 'node:timers/promises'
import Bottleneck from 'bottleneck'
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
import { busiestSecond } from '../test/rpc/limits/support/departures.ts'
import { startRedisServer } from '../test/support/redisServer.ts'
import { type Figures, line, median, round } from './support/figures.ts'

/** Far above what is called, so that only the limiter's own cost is seen and no call waits for its turn. */
const OUT_OF_REACH = 1_000_000
const ALONE = 300
const ROUNDS = 30
const TOGETHER = 64
/** For the other question: how much more than this leaves in the busiest second. */
const LIMIT = 100
const QUIET_MS = 900
const LOAD_MS = 2_500

const never = unattended()
const answer = Promise.resolve([{ ok: true, result: '0x1' } as const])
const REQUEST = [{ method: 'eth_call', params: [] }]
const instant: RpcTransport = {
  host: 'bench',
  send: () => answer,
  close: () => Promise.resolve(),
}

type Call = () => Promise<unknown>

/**
 * What a limiter adds to a call that need not wait, beside no limiter and beside Bottleneck used the plain way, one
 * job a call; and how far a burst around the turn of a second goes over the limit, beside Bottleneck's reservoir.
 */
export async function run(): Promise<Figures> {
  const server = await startRedisServer()
  const redis = redisConnection({ url: new Secret(server.url) })
  const opened: { close(): Promise<void> }[] = []
  const over = (limit: number, places: (rate: AdaptiveRate) => Places): Call => {
    const rate = new AdaptiveRate(limit)
    const transport = rateLimited(instant, new QueuedLimiter(places(rate), rate, { host: 'bench' }))
    opened.push(transport)
    return () => transport.send(REQUEST, never)
  }
  // A client of its own for each, as another process has.
  const through = (limit: number) =>
    over(limit, (rate) => {
      const shared = redisCalls(redis)
      return new SharedPlaces({ shared, scope: `bench-${limit}`, local: bucketPlaces(), rate })
    })
  try {
    const figures = {
      ...(await cost([
        ['none', 'no limit', bare(rateLimited(instant))],
        ['plain', 'Bottleneck, one job a call', jobs(new Bottleneck({ maxConcurrent: OUT_OF_REACH }))],
        [
          'bottleneck',
          'Bottleneck (limits up to 200)',
          over(OUT_OF_REACH, () => bottleneckPlaces(OUT_OF_REACH)),
        ],
        ['bucket', 'buckets (limits above 200)', over(OUT_OF_REACH, () => bucketPlaces())],
        ['redis', 'shared through Redis', through(OUT_OF_REACH)],
      ])),
      ...(await excess([
        ['plain', "Bottleneck's reservoir", [jobs(reservoir())]],
        ['bottleneck', 'Bottleneck (limits up to 200)', [over(LIMIT, () => bottleneckPlaces(LIMIT))]],
        ['bucket', 'buckets (limits above 200)', [over(LIMIT, () => bucketPlaces())]],
        ['redis', 'shared through Redis, two at a time', [through(LIMIT), through(LIMIT)]],
      ])),
    }
    return figures
  } finally {
    await Promise.all(opened.map((each) => each.close()))
    await redis.close()
    await server.stop()
  }
}

const bare =
  (transport: RpcTransport): Call =>
  () =>
    transport.send(REQUEST, never)
const jobs =
  (limiter: Bottleneck): Call =>
  () =>
    limiter.schedule(() => instant.send(REQUEST, never))
const reservoir = () =>
  new Bottleneck({ reservoir: LIMIT, reservoirRefreshAmount: LIMIT, reservoirRefreshInterval: 1_000 })

type Candidate<T> = readonly [key: string, name: string, subject: T]

async function cost(candidates: readonly Candidate<Call>[]): Promise<Figures> {
  line('microseconds a call', 'alone', '64 at once', 'to plain', 'at once')
  const figures: Record<string, number> = {}
  const measured: (readonly [key: string, name: string, alone: number, together: number])[] = []
  for (const [key, name, call] of candidates) {
    measured.push([key, name, await measureAlone(call), await measureTogether(call)])
  }
  const [, , plainAlone = Number.NaN, plainTogether = Number.NaN] =
    measured.find(([key]) => key === 'plain') ?? []
  for (const [key, name, alone, together] of measured) {
    const ratios = [alone / plainAlone, together / plainTogether] as const
    line(name, alone.toFixed(1), together.toFixed(1), ...ratios.map((ratio) => ratio.toFixed(3)))
    figures[`${key}AloneUs`] = round(alone)
    figures[`${key}TogetherUs`] = round(together)
    figures[`${key}AloneToPlain`] = round(ratios[0])
    figures[`${key}TogetherToPlain`] = round(ratios[1])
  }
  return figures
}

async function excess(candidates: readonly Candidate<readonly Call[]>[]): Promise<Figures> {
  line(`\nunder a limit of ${LIMIT} a second`, 'busiest', 'to the limit', 'passed')
  const figures: Record<string, number> = {}
  for (const [key, name, members] of candidates) {
    await delay(QUIET_MS)
    const departures: number[] = []
    const began = performance.now()
    const callers = members.flatMap((call) =>
      Array.from({ length: LIMIT }, async () => {
        while (performance.now() - began < LOAD_MS) {
          await call()
          departures.push(performance.now())
        }
      }),
    )
    await Promise.all(callers)
    const busiest = busiestSecond(departures)
    line(name, String(busiest), (busiest / LIMIT).toFixed(2), String(departures.length))
    figures[`${key}BusiestToLimit`] = round(busiest / LIMIT)
  }
  return figures
}

async function measureAlone(call: Call): Promise<number> {
  await call()
  const times: number[] = []
  for (let index = 0; index < ALONE; index++) {
    const began = performance.now()
    await call()
    times.push((performance.now() - began) * 1000)
  }
  return median(times)
}

async function measureTogether(call: Call): Promise<number> {
  const times: number[] = []
  for (let batch = 0; batch < ROUNDS; batch++) {
    const began = performance.now()
    await Promise.all(Array.from({ length: TOGETHER }, call))
    times.push(((performance.now() - began) * 1000) / TOGETHER)
  }
  return median(times)
}
