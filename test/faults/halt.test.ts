import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  BURSAR,
  type Bursar,
  environmentOf,
  run,
  startBursar,
  temporaryHome,
} from '../support/bursarServer.ts'
import { MERCHANT, readRows, startWorld, type World } from '../support/engine.ts'
import { type RedisServer, startRedisServer } from '../support/redisServer.ts'

// The kill switch from outside: servers that pay in loops, and an operator at the command line.

let world: World
let redis: RedisServer
const { home, remove } = temporaryHome()
let servers: Bursar[]
let env: Readonly<Record<string, string>>
let before: bigint

beforeAll(async () => {
  ;[world, redis] = await Promise.all([startWorld(), startRedisServer()])
  env = environmentOf(world, home, { REDIS_URL: redis.url })
  servers = await Promise.all(Array.from({ length: 3 }, () => startBursar({ env })))
  before = await world.a.balance(MERCHANT)
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
  await Promise.all([world.stop(), redis.stop()])
  remove()
})

const bursar = (...args: string[]) => run(process.execPath, [BURSAR, ...args], { env })
const rows = (sql: string) => readRows(join(home, 'journal.db'), sql)
const count = (table: string) => Number(rows(`select count(*) as n from ${table}`)[0]?.['n'])
const signatures = () => count('attempts')
const paid = async () => (await world.a.balance(MERCHANT)) - before

async function prepare(server: Bursar, idempotencyKey: string): Promise<string> {
  const payment = { chain: 'sandbox-a', wallet: 'agent', to: 'merchant', amount: '0.01', idempotencyKey }
  return (await server.answer('simulate_transaction', payment)).intentId
}
/** The code of its error; undefined when it was executed. */
async function send(server: Bursar, intentId: string): Promise<string | undefined> {
  const { isError, content } = await server.connection.callTool('send_transaction', { intentId })
  return isError
    ? (JSON.parse(content[0]?.text ?? '{}') as { error: { code: string } }).error.code
    : undefined
}
/** Pays one after the other until signing is halted; answers with the intent that was refused. */
async function payUntilHalted(server: Bursar, name: string): Promise<string> {
  for (let index = 0; ; index++) {
    const intentId = await prepare(server, `${name}-${index}`)
    const code = await send(server, intentId)
    if (code === 'halted') return intentId
    expect(code).toBeUndefined()
  }
}
async function allPaid(expected: number): Promise<void> {
  await expect
    .poll(
      async () => {
        await world.a.mine()
        return rows("select count(*) as n from operations where state = 'committed'")[0]?.['n']
      },
      { timeout: 60_000, interval: 300 },
    )
    .toBe(expected)
}

it('F5: three servers sign 12 payments, none while halted, the 12 that waited after it, and none twice', async () => {
  const each = async (round: string) =>
    Promise.all(
      servers.flatMap((server, who) => [0, 1, 2, 3].map((n) => prepare(server, `${round}-${who}-${n}`))),
    )
  const sendAll = (intents: readonly string[]) =>
    Promise.all(intents.map((intent, index) => send(servers[Math.floor(index / 4)] as Bursar, intent)))
  expect(await sendAll(await each('first'))).toEqual(Array(12).fill(undefined))
  expect(signatures()).toBe(12)

  const { code, stdout } = await bursar('halt', '--reason', 'drill')
  expect({ code, told: stdout.split('\n')[0] }).toEqual({
    code: 0,
    told: expect.stringMatching(/^Signing is halted for every wallet on every chain since \S+Z: drill$/),
  })
  const waiting = await each('second')
  expect(await sendAll(waiting)).toEqual(Array(12).fill('halted'))
  // What was sent before is followed to its end meanwhile.
  await allPaid(12)
  expect(signatures()).toBe(12)
  for (const server of servers)
    expect((await server.answer('get_status')).halts).toMatchObject([{ reason: 'drill' }])
  expect((await bursar('doctor')).stdout).toMatch(/ warn {2}Signing is halted .*: drill\n/)

  expect((await bursar('resume')).stdout).toBe('Signing goes on for every wallet on every chain.\n')
  expect(await sendAll(waiting)).toEqual(Array(12).fill(undefined))
  expect(await sendAll(waiting)).toEqual(Array(12).fill(undefined))
  await allPaid(24)
  expect({ signed: signatures(), paid: await paid() }).toEqual({ signed: 24, paid: 240_000_000_000_000_000n })
  expect((await servers[0]?.answer('get_status'))?.halts).toBeUndefined()
}, 120_000)

it('F5: loops that pay sign nothing after the command has answered, with Redis away and servers killed', async () => {
  const loops = servers.map((server, who) => payUntilHalted(server, `loop-${who}`))
  await expect.poll(signatures, { timeout: 20_000 }).toBeGreaterThan(30)
  await redis.kill()
  expect((await bursar('halt', '--reason', 'leak')).code).toBe(0)
  const atHalt = signatures()
  const refused = await Promise.all(loops)
  expect(refused).toHaveLength(3)
  expect(signatures()).toBe(atHalt)
  // What the halt found between its beginning and its signature waits, and is signed when it ends.
  const begun = count('operations')

  // Killed and started anew, they find the halt in the journal.
  await Promise.all(servers.map((server) => server.kill()))
  servers = await Promise.all(servers.map(() => startBursar({ env })))
  for (const [who, server] of servers.entries()) expect(await send(server, refused[who] ?? '')).toBe('halted')
  await allPaid(atHalt)
  expect(signatures()).toBe(atHalt)

  expect((await bursar('resume')).code).toBe(0)
  expect((await bursar('resume')).code).toBe(1)
  for (const [who, server] of servers.entries())
    expect(await send(server, refused[who] ?? '')).toBeUndefined()
  await allPaid(begun + 3)
  expect(signatures()).toBe(begun + 3)
  // Each payment of 0.01, once.
  expect(await paid()).toBe(BigInt(begun + 3) * 10_000_000_000_000_000n)
}, 180_000)

it('F5: a halt that is killed has happened or has not, and the next one answers', async () => {
  for (const afterMs of [60, 120, 180, 240]) {
    const child = spawn(process.execPath, [BURSAR, 'halt', '--wallet', 'agent'], { env, stdio: 'ignore' })
    const timer = setTimeout(() => child.kill('SIGKILL'), afterMs)
    await once(child, 'exit')
    clearTimeout(timer)
    expect(rows('pragma integrity_check')).toEqual([{ integrity_check: 'ok' }])
    const begun = rows(
      "select count(*) as n from audit where event = 'halt.begun' and subject = 'agent *'",
    )[0]?.['n']
    expect(rows('select wallet from halts')).toEqual(begun === 0 ? [] : [{ wallet: 'agent' }])
  }
  expect((await bursar('halt', '--wallet', 'agent', '--chain', 'sandbox-a')).stdout).toMatch(
    /^Signing is halted for wallet agent on eip155:31337 since/,
  )
  const { stdout } = await bursar('halt', '--wallet', 'agnet')
  expect(stdout).toMatch(
    /^Nothing was ever prepared for a wallet "agnet" here: check its name or address\.$/m,
  )
  expect((await bursar('resume', '--all')).code).toBe(0)
  expect(rows('select wallet from halts')).toEqual([])
}, 60_000)
