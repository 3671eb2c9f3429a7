import type { NonceStore } from '../src/nonces/nonceStore.ts'
import { SharedNonces } from '../src/nonces/sharedNonces.ts'
import { Secret } from '../src/primitives/secret.ts'
import { type RedisConnection, redisConnection } from '../src/redis/connection.ts'
import { RedisNonces } from '../src/redis/redisNonces.ts'
import { RedisScript } from '../src/redis/script.ts'
import type { Journal } from '../src/store/journal.ts'
import { NonceTableStore } from '../src/store/nonces/nonces.ts'
import { begin, journalFile, LANE, record } from '../test/nonces/support/begun.ts'
import { startRedisServer } from '../test/support/redisServer.ts'
import { type Figures, line, median, round } from './support/figures.ts'

const IN_FLIGHT = [1, 64] as const
const CALLS = 6_400
const PAYMENTS = 192
const ROUNDS = 5
/** The least that a script costs. */
const nothing = new RedisScript('return 1')

/**
 * Reservations a second through Redis beside an empty script on the same connection, in the same run, in turns; and
 * what a payment costs from reserving to its bytes on disk, beside the journal that gives the nonces out itself.
 */
export async function run(): Promise<Figures> {
  const server = await startRedisServer()
  const redis = redisConnection({ url: new Secret(server.url) })
  const file = journalFile()
  const journal = file.open()
  const table = new NonceTableStore(journal)
  const shared = new SharedNonces(new RedisNonces(redis), table)
  try {
    // The journal's first row is its name.
    await begin(journal, { ...LANE, account: 'none' })
    const figures: Record<string, number> = {}
    line('a second', 'empty script', 'reservations', 'ratio')
    for (const atATime of IN_FLIGHT) {
      const { bare, reserved } = await reservations(redis, shared, atATime)
      line(`${atATime} in flight`, bare.toFixed(0), reserved.toFixed(0), (reserved / bare).toFixed(2))
      figures[`bare${atATime}PerSecond`] = round(bare)
      figures[`reserve${atATime}PerSecond`] = round(reserved)
      figures[`reserve${atATime}ToBare`] = round(reserved / bare)
    }
    line('\nreserved and recorded, a second', 'journal', 'Redis', 'ratio')
    for (const atATime of IN_FLIGHT) {
      const rates: { journal: number; redis: number }[] = []
      for (let round = 0; round < ROUNDS; round++) {
        const name = `${atATime} ${round}`
        rates.push({
          journal: await payments(journal, table, `journal ${name}`, atATime),
          redis: await payments(journal, shared, `redis ${name}`, atATime),
        })
      }
      const byJournal = median(rates.map((rate) => rate.journal))
      const byRedis = median(rates.map((rate) => rate.redis))
      line(`${atATime} in flight`, byJournal.toFixed(0), byRedis.toFixed(0), (byRedis / byJournal).toFixed(2))
      figures[`journalPaid${atATime}PerSecond`] = round(byJournal)
      figures[`redisPaid${atATime}PerSecond`] = round(byRedis)
      figures[`redisToJournal${atATime}`] = round(byRedis / byJournal)
    }
    return figures
  } finally {
    await redis.close()
    await server.stop()
    await file.remove()
  }
}

async function reservations(redis: RedisConnection, shared: NonceStore, atATime: number) {
  const rates: { bare: number; reserved: number }[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const bare = await perSecond(CALLS, atATime, () => redis.run(nothing, ['a'], ['b']))
    // As on a chain that mines as fast as it is paid: the lane holds what is under way.
    let done = 0n
    const account = `${atATime} ${round}`
    const reserved = await perSecond(CALLS, atATime, async (index) => {
      await shared.reserve({ ...LANE, account, id: `step_${round}_${index}` }, done)
      done += 1n
    })
    rates.push({ bare, reserved })
  }
  return { bare: median(rates.map(({ bare }) => bare)), reserved: median(rates.map((rate) => rate.reserved)) }
}

/** Each in a lane of its own, so that none is full. */
async function payments(journal: Journal, store: NonceStore, name: string, atATime: number): Promise<number> {
  const steps = await Promise.all(
    Array.from({ length: PAYMENTS }, () => begin(journal, { ...LANE, account: name })),
  )
  let done = 0n
  return perSecond(PAYMENTS, atATime, async (index) => {
    const step = steps[index]
    if (!step) throw new Error('begun')
    const nonce = await store.reserve(step, done)
    await record(journal, step, nonce)
    void store.recorded(step, nonce)
    done += 1n
  })
}

async function perSecond(
  calls: number,
  atATime: number,
  call: (index: number) => Promise<unknown>,
): Promise<number> {
  let next = 0
  const began = performance.now()
  const worker = async () => {
    while (next < calls) await call(next++)
  }
  await Promise.all(Array.from({ length: atATime }, worker))
  return (calls * 1_000) / (performance.now() - began)
}
