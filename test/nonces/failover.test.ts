import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { readRows } from '../support/engine.ts'
import { startWatchedRedis, type WatchedRedis } from '../support/redisSentinels.ts'
import { type JournalFile, journalFile } from './support/begun.ts'
import { type Payer, type PayerProgram, payerProgram } from './support/payers.ts'

let program: PayerProgram
beforeAll(async () => {
  program = await payerProgram()
})
afterAll(() => program.remove())

let redis: WatchedRedis
let file: JournalFile
let payers: Payer[]
beforeEach(async () => {
  payers = []
  file = journalFile()
  redis = await startWatchedRedis()
}, 40_000)
afterEach(async () => {
  await Promise.all(payers.map((payer) => payer.kill()))
  await redis.stop()
  await file.remove()
})

const rows = (sql: string) => readRows(file.path, sql)
const signedSoFar = () => Number(rows('select count(*) as n from attempts')[0]?.['n'])

it('F15, R4: the primary dies in a burst and a replica that missed the last nonces takes over: none is used twice, none is left out', async () => {
  payers = [0, 1].map(() =>
    program.start({ journal: file.path, redis: redis.url, count: 120, atATime: 4, hold: true }),
  )
  const reservations = ({ said }: Payer) => said.filter((line) => line.startsWith('reserved')).length
  const told = new Map<Payer, number>()
  /** Lets each sign at one of the nonces that it holds, now and then: some payments must be left for later. */
  const payUntil = (done: () => boolean | Promise<boolean>) =>
    expect
      .poll(
        async () => {
          for (const payer of payers) {
            const before = told.get(payer) ?? 0
            if (reservations(payer) <= before) continue
            told.set(payer, before + 1)
            payer.tell('go')
          }
          return done()
        },
        { interval: 50, timeout: 40_000 },
      )
      .toBe(true)
  const bothSay = (line: string) => () =>
    payers.every(({ said }) => said.some((each) => each.startsWith(line)))

  await payUntil(bothSay('signed'))
  await redis.detach()
  const before = signedSoFar()
  await payUntil(() => signedSoFar() >= before + 12)
  expect(payers.flatMap(({ said }) => said).filter((line) => line.startsWith('warned'))).toEqual([])
  await redis.crash()
  const replica = redis.replica.client()
  const [key = ''] = await replica.keys('bursar:nonces:*')
  // It is behind: asked as it is, it would give out again what is signed.
  const known = (await replica.hkeys(key)).filter((field) => field.startsWith('n:')).length
  expect(known).toBeGreaterThan(0)
  expect(known).toBeLessThan(before + 12)

  await payUntil(bothSay('warned redis does not serve nonces; the journal gives them out'))
  const without = signedSoFar()
  await payUntil(() => signedSoFar() >= without + 8)
  await redis.promoted()
  await payUntil(bothSay('informed redis serves nonces again'))
  for (let line = 0; line < 500; line++) for (const payer of payers) payer.tell('go')
  await Promise.all(payers.map((payer) => payer.ended()))

  const nonces = rows('select nonce from attempts where live = 1 order by nonce').map((row) =>
    Number(row['nonce']),
  )
  expect(nonces).toEqual(Array.from({ length: 240 }, (_, index) => index))
  expect(rows('select count(distinct step_id) as n from attempts')).toEqual([{ n: 240 }])
  expect(rows("select count(*) as n from nonces where state = 'signed'")).toEqual([{ n: 240 }])
  for (const { said } of payers) expect(said.filter((line) => line.startsWith('warned'))).toHaveLength(1)
  // The new primary knows what it had missed.
  expect(Number(await replica.hlen(key))).toBeGreaterThan(known)
}, 120_000)
