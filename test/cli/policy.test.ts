import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { BURSAR, type Bursar, startBursar, temporaryHome } from '../support/bursarServer.ts'
import { readRows } from '../support/engine.ts'

let home: ReturnType<typeof temporaryHome>
let server: Bursar | undefined
beforeEach(() => {
  home = temporaryHome()
})
afterEach(async () => {
  await server?.close()
  await server?.ended
  server = undefined
  home.remove()
})

const write = (name: string, value: unknown): string => {
  const path = join(home.home, name)
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value))
  return path
}
const run = (...args: readonly string[]) => {
  const env = {
    PATH: process.env['PATH'],
    HOME: home.home,
    BURSAR_HOME: home.home,
    SANDBOX_STATE_DIR: state(),
  }
  const { status, stdout, stderr } = spawnSync(process.execPath, [BURSAR, 'policy', ...args], {
    env,
    encoding: 'utf8',
  })
  return { status, stdout, stderr }
}
const state = () => join(home.home, 'state')
const capped = (max: string) => ({
  version: 1,
  rules: [{ id: 'hourly', cap: { asset: 'USDC', max, per: '1h' } }],
})
const MERCHANT = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'

it('checks a file, and tells every problem of one that is wrong', () => {
  const good = run('check', write('p.json', capped('5')))
  expect(good).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/p\.json: 1 rules, sha256 [0-9a-f]{64}\n$/),
  })
  const slip = { version: 1, rules: [{ ...capped('5').rules[0], wallets: ['agnet', 'treasury'] }] }
  expect(run('check', write('slip.json', slip)).stdout.split('\n')[1]).toBe(
    'warning: policy rule "hourly" is about wallet "agnet", which is not known here',
  )
  const bad = run('check', write('q.json', capped('5,0')))
  expect(bad.status).toBe(1)
  expect(bad.stderr).toContain('rule "hourly", cap.max: must be a decimal amount')
  expect(run('check', join(home.home, 'none.json')).stderr).toContain('none.json cannot be read (ENOENT)')
  expect(run('check').stdout).toContain('There is no policy file')
})

it('runs cases, names the one that fails, and ends with exit code 1 then', () => {
  const file = write('p.json', {
    version: 1,
    rules: [
      { id: 'hourly', cap: { asset: 'USDC', max: '100', per: '1h' } },
      { id: 'friends', wallets: ['agent'], allow: { recipients: [MERCHANT] } },
      { id: 'large', approval: { asset: 'USDC', above: '50', elicitUpTo: '60' } },
      {
        id: 'router',
        allow: {
          calls: [{ contract: MERCHANT, function: 'swap(uint256)', arguments: [{ index: 0, max: '7' }] }],
        },
      },
    ],
  })
  const pay = (amount: string, more: object = {}) => ({
    wallet: 'agent',
    chain: 'base',
    pay: { to: MERCHANT, asset: 'USDC', amount },
    ...more,
  })
  const call = (amount: string) => ({
    wallet: 'agent',
    chain: 'base',
    call: { contract: MERCHANT, function: 'swap(uint256)', arguments: [amount] },
  })
  const cases = [
    { name: 'small', ...pay('50'), expect: 'allow' },
    { name: 'asks', ...pay('60'), expect: 'elicitation' },
    { name: 'large', ...pay('61'), expect: 'approval' },
    {
      name: 'too much',
      ...pay('50', { before: [{ asset: 'USDC', amount: '51' }] }),
      expect: 'deny',
      rule: 'hourly',
    },
    { name: 'swap', ...call('7'), expect: 'allow' },
    { name: 'large swap', ...call('8'), expect: 'deny', rule: 'router' },
  ]
  expect(run('test', file, write('cases.json', { version: 1, cases }))).toMatchObject({
    status: 0,
    stdout: '6 of 6 cases hold\n',
  })
  const wrong = [...cases, { name: 'stranger', ...pay('1'), expect: 'deny', rule: 'friends' }]
  expect(run('test', file, write('cases.json', { version: 1, cases: wrong }))).toMatchObject({
    status: 1,
    stdout: 'FAIL stranger\n     expected deny by friends\n     found allow\n6 of 7 cases hold\n',
  })
  const none = run(
    'test',
    file,
    write('cases.json', { version: 1, cases: [{ name: 'x', wallet: 'a', chain: 'bsae', expect: 'deny' }] }),
  )
  expect(none).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('"bsae" is no chain that Bursar knows'),
  })
  expect(none.stderr).toContain('must have one of pay and call')
})

it('T37: a file that is changed changes nothing until its operator says so; one that is wrong never', async () => {
  write('policy.json', capped('100'))
  server = await startBursar({
    env: { BURSAR_HOME: home.home, SANDBOX_STATE_DIR: state(), LOG_LEVEL: 'info' },
  })
  const limits = async () =>
    (await (server as Bursar).answer('get_wallets')).limits.filter((line) => line.startsWith('hourly'))
  const pay = (amount: string, idempotencyKey: string) => ({
    ...{ chain: 'sandbox-a', wallet: 'agent', to: 'merchant', asset: 'USDC', amount, idempotencyKey },
  })
  expect(await limits()).toEqual(['hourly: at most 100 USDC per 1h, 100 left'])
  const { intentId } = await server.answer('simulate_transaction', pay('60', 'first'))
  await server.answer('send_transaction', { intentId })
  expect(await limits()).toEqual(['hourly: at most 100 USDC per 1h, 40 left'])
  write('policy.json', capped('1000000'))
  expect(await server.refusal('simulate_transaction', pay('50', 'second'))).toMatchObject({
    code: 'policy_denied',
  })
  // Refused before any server is told.
  write('policy.json', '{')
  expect(run('reload')).toMatchObject({ status: 1, stderr: expect.stringContaining('it is not JSON') })
  // And by a server that is told all the same.
  server.connection.process.kill('SIGHUP')
  await expect
    .poll(() => server?.stderr())
    .toContain('the policy file is wrong, and the rules of before hold')
  expect(await limits()).toEqual(['hourly: at most 100 USDC per 1h, 40 left'])
  write('policy.json', capped('200'))
  expect(run('reload').status).toBe(0)
  await expect.poll(limits, { timeout: 10_000 }).toEqual(['hourly: at most 200 USDC per 1h, 140 left'])
  const slip = { version: 1, rules: [{ id: 'slip', wallets: ['agnet'], maxGasPriceGwei: '1' }] }
  write('policy.json', slip)
  server.connection.process.kill('SIGHUP')
  const slipped = 'policy rule "slip" is about wallet "agnet", which is not known here'
  await expect
    .poll(async () => (await server?.answer('get_status'))?.warnings, { timeout: 10_000 })
    .toContain(slipped)
  expect(server.stderr()).toContain(slipped.replaceAll('"', '\\"'))
  write('policy.json', capped('300'))
  server.connection.process.kill('SIGHUP')
  await expect.poll(limits, { timeout: 10_000 }).toEqual(['hourly: at most 300 USDC per 1h, 240 left'])
  const loads = readRows(
    join(state(), 'journal.db'),
    "select detail from audit where event = 'policy.loaded'",
  )
  // A client may start a process more, to learn what it speaks.
  const ways = loads.map(({ detail }) => (JSON.parse(String(detail)) as { by: string }).by)
  expect([...new Set(ways)]).toEqual(['start', 'reload', 'SIGHUP'])
})

it('T37: a file that is gone lifts no rule: an editor that writes it anew, or whoever may delete it, frees nothing', async () => {
  const path = write('policy.json', capped('100'))
  server = await startBursar({
    env: { BURSAR_HOME: home.home, SANDBOX_STATE_DIR: state(), LOG_LEVEL: 'info' },
  })
  const limits = async () =>
    (await (server as Bursar).answer('get_wallets')).limits.filter((line) => line.startsWith('hourly'))
  expect(await limits()).toEqual(['hourly: at most 100 USDC per 1h, 100 left'])
  rmSync(path)
  server.connection.process.kill('SIGHUP')
  await expect.poll(() => server?.stderr(), { timeout: 10_000 }).toMatch(/policy loaded|rules of before hold/)
  expect(await limits()).toEqual(['hourly: at most 100 USDC per 1h, 100 left'])
  expect(run('reload')).toMatchObject({ status: 1, stderr: expect.stringContaining('there is none') })
  write('policy.json', { version: 1, rules: [] })
  expect(run('reload').status).toBe(0)
  await expect.poll(limits, { timeout: 10_000 }).toEqual([])
})

it('a server does not start with a policy file that is wrong, and says everything that is', () => {
  write('policy.json', capped('-5'))
  const env = { PATH: process.env['PATH'], BURSAR_HOME: home.home }
  const { status, stderr } = spawnSync(process.execPath, [BURSAR, 'serve'], {
    env,
    encoding: 'utf8',
    input: '',
  })
  expect(status).toBe(1)
  expect(stderr).toContain('rule "hourly", cap.max: must be a decimal amount')
})
