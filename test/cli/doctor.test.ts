import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { BURSAR, environmentOf, run, temporaryHome } from '../support/bursarServer.ts'
import { makeCertificate } from '../support/certificate.ts'
import { startWorld, type World } from '../support/engine.ts'
import { withoutMethods } from '../support/missingMethods.ts'
import { startSecureSentinel } from '../support/redisSentinels.ts'
import { startRedisServer } from '../support/redisServer.ts'

// `bursar doctor` as an operator runs it: what it says, and its exit code.

const API_KEY = 'canary-api-key-7f3d'
const PRIVATE_KEY = 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00'

let world: World
const { home, remove } = temporaryHome()
beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => world.a.proxy.setFault(undefined))
afterAll(async () => {
  await world.stop()
  remove()
})

/** Every endpoint has a key in its path, every run a private key: none of them may ever be shown (T14, T15). */
async function doctor(change: Readonly<Record<string, string>> = {}) {
  const env = {
    ...environmentOf(world, home),
    SANDBOX_A_RPC_URL: `${world.a.proxy.url}/v2/${API_KEY}`,
    SANDBOX_B_RPC_URL: `${world.b.proxy.url}/v2/${API_KEY}`,
    ALLOW_ENVIRONMENT_KEYS: 'true',
    WALLET_CANARY_PRIVATE_KEY: `0x${PRIVATE_KEY}`,
    ...change,
  }
  const { code, stdout, stderr } = await run(process.execPath, [BURSAR, 'doctor'], { env })
  for (const secret of [API_KEY, PRIVATE_KEY]) expect(stdout + stderr).not.toContain(secret)
  return { code, said: stdout, stderr }
}

const hostOf = (url: string) => new URL(url).host

test('a good set-up: exit code 0, every check told', async () => {
  const { code, said, stderr } = await doctor()
  expect(said).toMatch(/ {2}ok {3}Node \d+\.\d+\.\d+\n/)
  expect(said).toContain('  ok   Configuration: 2 chain(s)\n')
  expect(said).toContain('  ok   Wallets: 1 configured\n')
  for (const [name, id, url] of [
    ['Sandbox A', 'eip155:31337', world.a.proxy.url],
    ['Sandbox B', 'eip155:31338', world.b.proxy.url],
  ] as const) {
    expect(said).toMatch(
      new RegExp(
        ` {2}ok {3}${name} \\(${id}\\) at ${hostOf(url)}: chain id right, block \\d+, \\d+ ms, eth_simulateV1 offered\n`,
      ),
    )
  }
  expect(said).toContain(`  ok   Journal: the journal in ${home} can be written`)
  expect(said).toMatch(/Everything that must work does\.\n$/)
  expect(said).not.toContain('FAIL')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

test('nothing configured: the sandbox comes up, is checked, and exit code 0', async () => {
  const { code, stdout } = await run(process.execPath, [BURSAR, 'doctor'], {
    env: { PATH: '/usr/bin:/bin', BURSAR_HOME: home },
  })
  expect(stdout).toMatch(/ {2}ok {3}Sandbox A \(eip155:31337\) at 127\.0\.0\.1:\d+: chain id right/)
  expect(stdout).toMatch(/ {2}ok {3}Sandbox B \(eip155:31338\) at 127\.0\.0\.1:\d+: chain id right/)
  expect(code).toBe(0)
})

test('B6, R13: each socket is looked at by itself: one that works, one of another chain, one that nobody serves', async () => {
  const socketOf = (url: string) => `${url.replace('http', 'ws')}/?key=${API_KEY}`
  const good = { SANDBOX_A_WS_URL: socketOf(world.a.rpcUrl), SANDBOX_B_WS_URL: socketOf(world.b.rpcUrl) }
  const { code, said } = await doctor(good)
  expect(said).toMatch(
    new RegExp(
      ` ok {3}Sandbox A \\(eip155:31337\\), socket at ${hostOf(world.a.rpcUrl)}: chain id right, \\d+ ms\n`,
    ),
  )
  expect(said).toContain(`Sandbox B (eip155:31338), socket at ${hostOf(world.b.rpcUrl)}: chain id right`)
  expect(code).toBe(0)
  const bad = await doctor({
    ...good,
    SANDBOX_A_WS_URL: socketOf(world.b.rpcUrl),
    SANDBOX_B_WS_URL: 'ws://127.0.0.1:1/',
  })
  expect(bad.said).toMatch(
    /FAIL {2}Sandbox A \(eip155:31337\), socket at .*serves chain 31338, not eip155:31337/,
  )
  expect(bad.said).toMatch(/FAIL {2}Sandbox B \(eip155:31338\), socket at 127\.0\.0\.1:1: /)
  expect(bad.said).toContain('Correct SANDBOX_A_WS_*, or leave it out')
  expect(bad.code).toBe(1)
})

test('an endpoint that nobody serves: exit code 1, which one and what to do', async () => {
  // Port 1 is reserved, and nothing listens on it.
  const { code, said } = await doctor({ SANDBOX_A_RPC_URL: `http://127.0.0.1:1/v2/${API_KEY}` })
  expect(said).toContain(
    ' FAIL  Sandbox A (eip155:31337) at 127.0.0.1:1: The endpoint 127.0.0.1:1 did not answer: ECONNREFUSED.\n' +
      '       → Correct SANDBOX_A_RPC_*, or choose another endpoint.\n',
  )
  expect(said).toContain('  ok   Sandbox B')
  expect(said).toMatch(/1 thing\(s\) to mend\.\n$/)
  expect(code).toBe(1)
})

test.each(['25', '900'])('the library behind a limit of %s a second is in the bundle', async (limit) => {
  const { code, said, stderr } = await doctor({
    SANDBOX_A_RPC_ALCHEMY: `${world.a.proxy.url}/v2/${API_KEY}`,
    RPC_RATE_LIMIT_ALCHEMY: limit,
  })
  expect(said.match(/ {2}ok {3}Sandbox A .* eth_simulateV1 offered/g)).toHaveLength(2)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
})

test('Redis: how fast it answers; exit code 1 and what to do when it does not, without the password (T14)', async () => {
  const password = 'canary-redis-password'
  const server = await startRedisServer({ password })
  const host = hostOf(server.url)
  try {
    const good = await doctor({ REDIS_URL: server.url, REDIS_PASSWORD: password })
    expect(good.said).toMatch(new RegExp(`  ok   Redis at ${host}: answers in \\d+\\.\\d ms\n`))
    expect(good.code).toBe(0)
    const wrong = await doctor({ REDIS_URL: `redis://:${password}x@${host}` })
    expect(wrong.said).toContain(` FAIL  Redis at ${host}: WRONGPASS; each process keeps to its share`)
    expect(wrong.said).toContain('       → Start Redis, correct REDIS_URL')
    expect(wrong.code).toBe(1)
    expect(good.said + good.stderr + wrong.said + wrong.stderr).not.toContain('canary-redis')
  } finally {
    await server.stop()
  }
})

test('Redis by TLS, alone and behind a Sentinel that speaks TLS as well: whom it trusts, and no password (T14)', async () => {
  const tls = makeCertificate(home)
  const [password, sentinelPassword] = ['canary-redis@password', 'canary-redis:sentinel']
  const server = await startRedisServer({ password, tls })
  const sentinel = await startSecureSentinel(tls, server.port, {
    redis: password,
    sentinel: sentinelPassword,
  })
  const trusted = { NODE_EXTRA_CA_CERTS: tls.certFile }
  const watched = `//:${encodeURIComponent(password)}@localhost:${sentinel.port}/main/0?sentinelPassword=${encodeURIComponent(sentinelPassword)}`
  const said: string[] = []
  const look = async (env: Readonly<Record<string, string>>) => {
    const told = await doctor(env)
    said.push(told.said, told.stderr)
    return { code: told.code, line: /^.*Redis at .*$/m.exec(told.said)?.[0] }
  }
  try {
    const direct = { REDIS_URL: server.url, REDIS_PASSWORD: password }
    const behind = { REDIS_URL: `rediss+sentinel:${watched}` }
    const hosts = { direct: hostOf(server.url), behind: `localhost:${sentinel.port}` }
    for (const [env, host] of [
      [direct, hosts.direct],
      [behind, hosts.behind],
    ] as const) {
      const answers = expect.stringMatching(new RegExp(`^  ok   Redis at ${host}: answers in \\d+\\.\\d ms$`))
      expect(await look({ ...env, ...trusted })).toEqual({ code: 0, line: answers })
    }
    const share = '; each process keeps to its share of the rate limits meanwhile'
    expect(await look(direct)).toEqual({
      code: 1,
      line: ` FAIL  Redis at ${hosts.direct}: DEPTH_ZERO_SELF_SIGNED_CERT${share}`,
    })
    expect(await look(behind)).toEqual({
      code: 1,
      line: ` FAIL  Redis at ${hosts.behind}: no Sentinel names a primary${share}`,
    })
    // Without TLS the Sentinel is not spoken to at all.
    const plain = await look({ ...trusted, REDIS_URL: `redis+sentinel:${watched}` })
    expect(plain).toMatchObject({ code: 1, line: expect.stringContaining('no Sentinel names a primary;') })
    expect(said.join('')).not.toContain('canary-redis')
  } finally {
    await sentinel.stop()
    await server.stop()
  }
})

test('an endpoint of another chain: exit code 1, which chain it serves (R13)', async () => {
  const { code, said } = await doctor({ SANDBOX_A_RPC_URL: `${world.b.proxy.url}/v2/${API_KEY}` })
  const host = hostOf(world.b.proxy.url)
  expect(said).toContain(
    ` FAIL  Sandbox A (eip155:31337) at ${host}: The endpoint ${host} serves chain 31338, not eip155:31337; it is not used.\n` +
      '       → Correct SANDBOX_A_RPC_*, or choose another endpoint.\n',
  )
  expect(code).toBe(1)
})

test('an endpoint that shows nothing inside contracts: exit code 1, because none could be called (R1)', async () => {
  world.a.proxy.setFault(withoutMethods(['eth_simulateV1', 'debug_traceCall']))
  const { code, said } = await doctor()
  expect(said).toMatch(
    / FAIL {2}Sandbox A .*; it offers neither eth_simulateV1 nor debug_traceCall: no contract can be called through it\n {7}→ Give SANDBOX_A an endpoint that offers eth_simulateV1 or debug_traceCall\.\n/,
  )
  expect(code).toBe(1)
})

test('an endpoint that traces instead of simulating does', async () => {
  world.a.proxy.setFault(withoutMethods(['eth_simulateV1']))
  const { code, said } = await doctor()
  expect(said).toMatch(/ {2}ok {3}Sandbox A .*, debug_traceCall offered\n/)
  expect(code).toBe(0)
})

test('a journal that cannot be opened: exit code 1, and the other checks are still told', async () => {
  const broken = join(home, 'broken')
  mkdirSync(join(broken, 'journal.db'), { recursive: true })
  const { code, said } = await doctor({ BURSAR_HOME: broken })
  expect(said).toContain(' FAIL  Journal: The journal cannot be written, so nothing can be signed: ')
  expect(said).toContain('correct BURSAR_HOME')
  expect(said).toContain('  ok   Sandbox A')
  expect(code).toBe(1)
})

test('a BURSAR_HOME under a file: exit code 1, naming it', async () => {
  const file = join(home, 'file')
  writeFileSync(file, '')
  const { code, said } = await doctor({ BURSAR_HOME: join(file, 'bursar') })
  expect(said).toContain(`- ${file}/bursar/.env cannot be read (ENOTDIR)\n`)
  expect(code).toBe(1)
})

test('a wrong configuration: exit code 1, every problem at once, no value shown (T15)', async () => {
  const { code, said } = await doctor({
    MAX_GAS_PRICE_GWEI: 'cheap',
    MAX_PER_TRANSACTION: 'everything',
    INTENT_TTL_SECONDS: '5',
    WALLET_SHORT_PRIVATE_KEY: PRIVATE_KEY.slice(0, 63),
    SANDBOX_B_RPC_URL: `wss://rpc.example/v2/${API_KEY}`,
    BURSAR_HOM: home,
  })
  expect(said).toContain('The configuration has 6 problem(s):\n')
  for (const name of [
    'MAX_GAS_PRICE_GWEI',
    'MAX_PER_TRANSACTION',
    'INTENT_TTL_SECONDS',
    'WALLET_SHORT_PRIVATE_KEY',
    'SANDBOX_B_RPC_URL',
    'BURSAR_HOM ',
  ]) {
    expect(said).toMatch(new RegExp(`^- ${name}`, 'm'))
  }
  expect(said).not.toContain(PRIVATE_KEY.slice(0, 63))
  expect(code).toBe(1)
})
