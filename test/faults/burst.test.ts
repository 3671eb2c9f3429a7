import { afterAll, beforeAll, expect, it } from 'vitest'
import { startWorld, type World } from '../support/engine.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'
import { burst } from './support/burst.ts'
import { crashPrograms, type Programs } from './support/programs.ts'

// The full size, 8 processes of 250 payments, is in `npm run test:crash`.

let world: World
let redis: RedisServer
let programs: Programs
beforeAll(async () => {
  ;[world, redis, programs] = await Promise.all([startWorld(), startRedisServer(), crashPrograms()])
})
afterAll(async () => {
  programs.remove()
  await Promise.all([world.stop(), redis.stop()])
})

it.each([
  ['on the journal', false],
  ['through Redis', true],
])(
  'F4, R4: 4 processes pay 25 times each from one account %s: contiguous, all mined, each once',
  async (_name, shared) => {
    const seen = await burst({
      ...{ world, programs, processes: 4, each: 25 },
      ...(shared ? { redisUrl: redis.url } : {}),
    })
    expect(seen).toEqual({
      contiguous: true,
      mined: 100,
      waiting: 0,
      paidOnce: 100,
      arrivals: 100,
      sentAgain: 100,
      operations: [{ state: 'committed', n: 100 }],
    })
  },
  90_000,
)

it('F2, F3, F4: the same while every third answer to a send is lost on its way: the bytes go out again, and each is paid once', async () => {
  let sends = 0
  world.a.proxy.setFault((calls) => {
    if (!calls.some(({ method }) => method === 'eth_sendRawTransaction')) return undefined
    return sends++ % 3 === 2 ? { kind: 'forward-then-drop' } : undefined
  })
  const seen = await burst({ ...{ world, programs, processes: 2, each: 20 }, through: world.a.proxy.url })
  expect(sends).toBeGreaterThanOrEqual(40)
  expect(seen).toEqual({
    contiguous: true,
    mined: 40,
    waiting: 0,
    paidOnce: 40,
    arrivals: 40,
    sentAgain: 40,
    operations: [{ state: 'committed', n: 40 }],
  })
}, 90_000)
