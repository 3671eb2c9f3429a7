import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { SharedNonces } from '../../src/nonces/sharedNonces.ts'
import type { RedisConnection } from '../../src/redis/connection.ts'
import { RedisNonces } from '../../src/redis/redisNonces.ts'
import { NonceTableStore } from '../../src/store/nonces/nonces.ts'
import { readRows } from '../support/engine.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'
import { begin, type JournalFile, journalFile, record } from './support/begun.ts'
import { patientRedis } from './support/patientRedis.ts'
import { type Payer, type PayerOptions, type PayerProgram, payerProgram } from './support/payers.ts'

let program: PayerProgram
beforeAll(async () => {
  program = await payerProgram()
})
afterAll(() => program.remove())

let server: RedisServer
let file: JournalFile
let payers: Payer[]
let redis: RedisConnection
beforeEach(async () => {
  server = await startRedisServer()
  file = journalFile()
  payers = []
  redis = patientRedis(server.url)
})
afterEach(async () => {
  await Promise.all(payers.map((payer) => payer.kill()))
  await redis.close()
  await server.stop()
  await file.remove()
})

function start(options: Omit<PayerOptions, 'journal' | 'redis'> & { redis?: string }): Payer {
  const payer = program.start({ journal: file.path, redis: server.url, ...options })
  payers.push(payer)
  return payer
}

/** Nobody listens there. */
const NOWHERE = 'redis://127.0.0.1:1'

const signed = () =>
  readRows(file.path, 'select nonce from attempts where live = 1 order by nonce').map((row) =>
    Number(row['nonce']),
  )
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

/** The journal's word: every step signed once, each at a nonce of its own, in a row. */
function expectAllSigned(count: number): void {
  expect(signed()).toEqual(upTo(count))
  expect(readRows(file.path, 'select count(distinct step_id) as n from attempts')).toEqual([{ n: count }])
  expect(readRows(file.path, "select count(*) as n from nonces where state = 'signed'")).toEqual([
    { n: count },
  ])
}

describe('F4: several processes, one account', () => {
  it.each([
    ['through Redis', (url: string) => [url, url]],
    ['through the journal', () => [NOWHERE, NOWHERE]],
    ['one of which does not see Redis', (url: string) => [url, NOWHERE]],
  ])('F4, R4: two processes %s sign 60 payments each: nonces in a row, none twice', async (_name, urls) => {
    const started = urls(server.url).map((url) => start({ count: 60, atATime: 8, redis: url }))
    await Promise.all(started.map((payer) => payer.ended()))
    expectAllSigned(120)
    for (const [index, url] of urls(server.url).entries()) {
      // One warning an outage, not one a payment.
      const warnings = started[index]?.said.filter((line) => line.startsWith('warned'))
      expect(warnings).toEqual(
        url === NOWHERE ? ['warned redis does not serve nonces; the journal gives them out'] : [],
      )
    }
  })

  it('F14: FLUSHALL mid-burst: nothing is signed twice, and nothing is left out', async () => {
    const started = [0, 1].map(() => start({ count: 60, atATime: 8 }))
    const client = server.client()
    for (const count of [5, 20, 40]) {
      await started[0]?.heard('signed', count)
      await client.flushall()
    }
    await Promise.all(started.map((payer) => payer.ended()))
    expectAllSigned(120)
    expect(started.flatMap((payer) => payer.said).filter((line) => line.startsWith('warned'))).toEqual([])
  })

  it('F13, F14: Redis killed and started again, empty, mid-burst: the journal takes over and hands back', async () => {
    const started = [0, 1].map(() => start({ count: 120, atATime: 4, hold: true }))
    // One line a signature; bytes that the journal refuses take another one.
    const payUntil = (done: (payer: Payer) => boolean) =>
      expect
        .poll(
          () => {
            for (const payer of started) payer.tell('go')
            return started.every(done)
          },
          { interval: 50, timeout: 20_000 },
        )
        .toBe(true)
    const says = (line: string) => (payer: Payer) => payer.said.some((each) => each.startsWith(line))
    await payUntil(says('signed'))
    await server.kill()
    await payUntil(says('warned redis does not serve nonces; the journal gives them out'))
    await server.restart()
    await payUntil(says('informed redis serves nonces again'))
    for (let line = 0; line < 500; line++) for (const payer of started) payer.tell('go')
    await Promise.all(started.map((payer) => payer.ended()))
    expectAllSigned(240)
    for (const { said } of started) expect(said.filter((line) => line.startsWith('warned'))).toHaveLength(1)
    expect(await server.client().keys('bursar:nonces:*')).toHaveLength(1)
  })
})

describe('F16: a process that is stopped between reserving and signing', () => {
  const LEASE_MS = 300

  /** The first slot of the lane, as scripts write it. */
  const slot = async () => {
    const client = server.client()
    const [key = ''] = await client.keys('bursar:nonces:*')
    const [state, step, epoch, until] = String(await client.hget(key, 'n:0')).split(' ')
    const [seconds = 0, micros = 0] = await client.time()
    client.disconnect()
    return { state, step, epoch, over: Number(until) <= Number(seconds) * 1000 + Number(micros) / 1000 }
  }

  async function stopped() {
    const sleeper = start({ count: 1, hold: true, leaseMs: LEASE_MS })
    await sleeper.heard('reserved 0')
    sleeper.freeze()
    await expect.poll(async () => (await slot()).over, { timeout: 10_000 }).toBe(true)
    const first = await slot()
    const journal = file.open()
    const store = new SharedNonces(new RedisNonces(redis, LEASE_MS), new NonceTableStore(journal))
    return { sleeper, first, journal, store, other: await begin(journal) }
  }

  const holders = () =>
    readRows(file.path, 'select nonce, step_id from attempts order by nonce').map((row) => row['step_id'])

  it('F16, R4: does not sign at a nonce that another has signed at meanwhile; both are signed once', async () => {
    const { sleeper, first, journal, store, other } = await stopped()
    expect(await store.reserve(other, 0n)).toBe(0n)
    await record(journal, other, 0n)
    await store.recorded(other, 0n)
    sleeper.thaw()
    sleeper.tell('sign')
    await sleeper.heard('reserved 1')
    expect(signed()).toEqual([0])
    sleeper.tell('sign')
    await sleeper.ended()
    expect(sleeper.said).toEqual(['reserved 0', 'reserved 1', 'signed 1'])
    expectAllSigned(2)
    expect(holders()).toEqual([other.id, first.step])
  })

  it('F16, R4: wakes while another is about to sign at its nonce: the first in the journal keeps it', async () => {
    const { sleeper, first, journal, store, other } = await stopped()
    expect(await store.reserve(other, 0n)).toBe(0n)
    expect(await slot()).toMatchObject({ state: 'reserved', step: other.id })
    expect((await slot()).epoch).not.toBe(first.epoch)
    sleeper.thaw()
    sleeper.tell('sign')
    await sleeper.ended()
    expect(sleeper.said).toEqual(['reserved 0', 'signed 0'])
    await expect(record(journal, other, 0n)).rejects.toMatchObject({ code: 'nonce_taken' })
    await store.refused(other)
    expect(await store.reserve(other, 0n)).toBe(1n)
    await record(journal, other, 1n)
    expectAllSigned(2)
    expect(holders()).toEqual([first.step, other.id])
  })

  it('F16: signs at its nonce when nobody else was given it', async () => {
    const { sleeper } = await stopped()
    sleeper.thaw()
    sleeper.tell('sign')
    await sleeper.ended()
    expectAllSigned(1)
  })
})
