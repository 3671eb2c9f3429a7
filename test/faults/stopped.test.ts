import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readRows, startWorld, type World } from '../support/engine.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'
import { readChain } from './support/chainRecord.ts'
import { openEngine, preparePayment } from './support/crashJob.ts'
import type { PausedJob } from './support/paused.ts'
import { crashPrograms, type Programs } from './support/programs.ts'

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

const digest = (text: string) => createHash('sha256').update(text).digest('hex')

/** A child that is running, and what it said so far. */
function start(job: PausedJob) {
  const said: string[] = []
  const ended = programs.watch((line) => said.push(line), 'paused', JSON.stringify(job))
  let failure: unknown
  ended.catch((error: unknown) => {
    failure = error
  })
  return {
    ended,
    /** The first line that begins so. */
    async heard(beginning: string): Promise<string> {
      const find = () => {
        if (failure !== undefined) throw failure
        return said.find((line) => line.startsWith(beginning))
      }
      await expect.poll(find, { timeout: 40_000, interval: 20 }).toBeDefined()
      return find()?.slice(beginning.length).trim() ?? ''
    },
  }
}

/** A payment of an account of its own, by a journal of its own. */
async function prepared(name: string, redisUrl: string | undefined) {
  const home = mkdtempSync(join(tmpdir(), 'bursar-stopped-'))
  const place = { home, rpcUrl: world.a.rpcUrl, key: `0x${digest(name)}`, ...(redisUrl && { redisUrl }) }
  const engine = openEngine(place)
  const account = engine.wallets.find('agent', engine.chains.resolve('sandbox-a')).address
  await world.a.ask('anvil_setBalance', account, '0xde0b6b3a7640000')
  const to = `0x${digest(`to ${name}`).slice(0, 40)}`
  const intentId = await preparePayment(engine, { to, asset: 'native', amount: '0.25' }, name)
  await engine.stop()
  return {
    job: { ...place, intentId },
    account,
    to,
    rows: (sql: string) => readRows(join(home, 'journal.db'), sql),
  }
}

const POINTS = ['after nonces.reserve', 'after signer.sign', 'before broadcaster.broadcast']
const CASES = POINTS.flatMap((stopAt) =>
  ['while it waits', 'when it is final'].flatMap((goesOn) => [
    { stopAt, goesOn, shared: false },
    ...(stopAt === 'after signer.sign' ? [{ stopAt, goesOn, shared: true }] : []),
  ]),
)

it('F16, F5, R2: a payer that SIGSTOP stops past its lease, between its nonce and its broadcast, and that goes on when another has paid: one payment, one attempt, and both tell the same', async () => {
  const from = Number(await world.a.ask('eth_blockNumber')) + 1
  const cases = await Promise.all(
    CASES.map(async (one, index) => {
      const payment = await prepared(`stopped ${index}`, one.shared ? redis.url : undefined)
      const first = start({ ...payment.job, stopAt: one.stopAt })
      const pid = Number(await first.heard('stopped'))
      return { ...one, ...payment, first, goOn: () => void process.kill(pid, 'SIGCONT') }
    }),
  )
  const owner = ({ rows }: (typeof cases)[number]) =>
    rows('select lease_owner from operations')[0]?.['lease_owner']
  const held = cases.map(owner)
  expect(cases.map(({ rows }) => rows('select state from attempts').length)).toEqual(
    CASES.map(({ stopAt }) => (stopAt === 'before broadcaster.broadcast' ? 1 : 0)),
  )
  const all = await Promise.all(
    cases.map(async (one) => {
      const second = start(one.job)
      await second.heard('sent')
      return { ...one, second }
    }),
  )
  // The lease was the first one's, has run out, and is the second one's.
  expect(held.every((each) => typeof each === 'string')).toBe(true)
  expect(all.map((one, index) => owner(one) === held[index])).toEqual(CASES.map(() => false))

  const waiting = all.filter(({ goesOn }) => goesOn === 'while it waits')
  for (const { goOn } of waiting) goOn()
  await Promise.all(waiting.map(({ first }) => first.heard('sent')))
  await world.a.mine(2)
  await Promise.all([...waiting.map(({ first }) => first.ended), ...all.map(({ second }) => second.ended)])
  for (const { goesOn, goOn } of all) if (goesOn === 'when it is final') goOn()
  await Promise.all(all.map(({ first }) => first.ended))
  // Whatever the last ones have sent is in a block by then.
  await world.a.mine(2)

  const chain = await readChain(world.a.rpcUrl, from, Number(await world.a.ask('eth_blockNumber')))
  for (const { rows, first, second, account, to } of all) {
    const told = [await first.heard('told'), await second.heard('told')].map((text) => JSON.parse(text))
    expect(told[0]).toEqual(told[1])
    expect(told[0]).toMatchObject({
      state: 'committed',
      sideEffect: 'done',
      steps: [{ state: 'final', nonce: '0', attempts: [{ kind: 'original', state: 'included' }] }],
    })
    expect(chain.arrivals.filter((one) => one.to === to).map(({ raw }) => raw)).toEqual([
      250_000_000_000_000_000n,
    ])
    expect(chain.transactions.filter((one) => one.from === account.toLowerCase())).toHaveLength(1)
    expect(await world.a.ask('eth_getTransactionCount', account, 'pending')).toBe('0x1')
    expect(rows('select state, live from attempts')).toEqual([{ state: 'included', live: 1 }])
    expect(rows('select state from nonces')).toEqual([{ state: 'mined' }])
    expect(rows("select * from reservations where state = 'held'")).toEqual([])
  }
  for (const { job } of all) rmSync(job.home, { recursive: true, force: true })
}, 120_000)
