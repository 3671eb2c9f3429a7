import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  BURSAR,
  type Bursar,
  environmentOf,
  run,
  startBursar,
  temporaryHome,
} from '../support/bursarServer.ts'
import { startWorld, type World } from '../support/engine.ts'

// `bursar flags` as an operator runs it, beside two servers that are never started anew.

let world: World
let servers: Bursar[]
let env: Readonly<Record<string, string>>
const { home, remove } = temporaryHome()
let key = 0

beforeAll(async () => {
  world = await startWorld()
  env = environmentOf(world, home)
  servers = await Promise.all([startBursar({ env }), startBursar({ env })])
})
afterAll(async () => {
  await Promise.all(servers.map((server) => server.close()))
  await world.stop()
  remove()
})

const flags = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(process.execPath, [BURSAR, 'flags', ...args], { env })
  return { code, said: stdout.trimEnd(), stderr }
}
/** What each server makes of two calls in one transaction. */
const batching = () =>
  Promise.all(
    servers.map(async ({ connection }) => {
      const calls = [1, 2].map(() => ({ to: 'merchant', amount: '0.01' }))
      const given = { chain: 'sandbox-a', wallet: 'agent', calls, idempotencyKey: `batch-${key++}` }
      const { isError, content } = await connection.callTool('simulate_transaction', given)
      return isError
        ? (JSON.parse(content[0]?.text ?? '{}') as { error: { code: string } }).error.code
        : 'prepared'
    }),
  )
const become = (expected: string) => expect.poll(batching, { timeout: 15_000 }).toEqual([expected, expected])

it('F5: servers go by what is set, stopped and rolled back, without a restart', async () => {
  expect((await flags()).said).toMatch(
    /^Nothing is set\.\nprivate-route: on \(usual\)\n {4}contract calls that name no route/,
  )
  await become('prepared')
  expect(await flags('set', 'call-batching', 'off')).toEqual({
    code: 0,
    said: 'Set 1: call-batching is off.',
    stderr: '',
  })
  await become('feature_off')
  expect(
    (await flags('set', 'call-batching', 'off', '--wallet', 'Ops', '--chain', 'sandbox-b', '--percent', '50'))
      .said,
  ).toBe('Set 2: call-batching is off for wallets ops, chains eip155:31338, 50 % of payments; on for others.')
  await become('prepared')
  expect((await flags('rollback')).said).toBe('Set 3 is in force: what set 1 was.')
  await become('feature_off')
  expect((await flags('set', 'call-batching', 'usual')).said).toBe('Set 4: call-batching is on (usual).')
  await become('prepared')
  expect((await flags('off', 'all', '--reason', 'drill')).said).toBe(
    'all is off for everybody, whatever is set: drill',
  )
  await become('feature_off')
  expect((await flags('list')).said).toContain('Set 4 is in force.\nprivate-route: STOPPED: drill\n')
  expect((await flags('off', 'all', '--lift')).said).toBe('all is as it is set again.')
  expect((await flags('off', 'all', '--lift')).code).toBe(1)
  await become('prepared')
  expect((await flags('rollback', '--to', '99')).code).toBe(1)
}, 120_000)

it('F5: outcomes tell each variant of a split', async () => {
  const split = ['--variant', 'slow=1', '--variant', 'fast=1', '--else', 'standard', '--principal', 'local']
  expect((await flags('set', 'default-urgency', ...split)).said).toBe(
    'Set 5: default-urgency is slow=1 fast=1 for principals local; standard for others.',
  )
  const [server] = servers as [Bursar]
  const pay = async (idempotencyKey: string) => {
    const given = { chain: 'sandbox-a', wallet: 'agent', to: 'merchant', amount: '0.01', idempotencyKey }
    const { intentId } = await server.answer('simulate_transaction', given)
    await server.answer('send_transaction', { intentId })
  }
  let index = 0
  await expect
    .poll(
      async () => {
        await pay(`split-${index++}`)
        await world.a.mine(2)
        return (await flags('outcomes')).said
      },
      { timeout: 30_000, interval: 100 },
    )
    .toMatch(
      /^default-urgency fast on eip155:31337: \d+ payments, .*\d+ committed.*fee 0\.\d+ ETH each, \d+\.\d s to a block\ndefault-urgency slow on eip155:31337: \d+ payments, .*\d+ committed/,
    )
}, 60_000)

it.each([
  [['set', 'nonsense', 'on'], 'there is no flag "nonsense", only private-route, call-batching'],
  [['set', 'call-batching', 'maybe'], 'call-batching has no variant "maybe", only on, off'],
  [['set', 'call-batching'], 'give a value, or --variant, not both'],
  [['set', 'call-batching', 'on', '--percent', 'x'], 'a percentage is a number from 0 to 100'],
  [['set', 'default-urgency', '--variant', 'slow'], '--variant must be a name and a weight'],
  [['rollback', '--to', '-1'], '--to must be the number of a set'],
])('F5: flags %j is refused with what is wrong', async (args, problem) => {
  const { code, said, stderr } = await flags(...args)
  expect({ code, said }).toEqual({ code: 1, said: '' })
  expect(stderr).toContain(problem)
})
