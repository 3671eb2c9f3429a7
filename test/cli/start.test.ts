import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { childrenOf, eventually, isGone } from '../sandbox/support/processes.ts'
import { BURSAR, run, startBursar, temporaryHome } from '../support/bursarServer.ts'
import { ERAS } from '../support/clients.ts'

// The ways in which the server is started and ended. With nothing configured it brings its own sandbox.

const { home, remove } = temporaryHome()
afterAll(() => remove())

const REPOSITORY = resolve('.')
const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin`, BURSAR_HOME: home, LOG_LEVEL: 'error' }
const bursar = (...args: string[]) => run(process.execPath, [BURSAR, ...args], { env })

/** Everything below a process. */
const descendantsOf = (pid: number): number[] =>
  childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)])

const liveOf = async (server: Awaited<ReturnType<typeof startBursar>>) =>
  (await server.answer('list_chains')).chains.map(({ live }) => live)

async function startWithSandbox() {
  const server = await startBursar({ env })
  const { chains } = await server.answer('list_chains')
  expect(chains.map(({ chain }) => chain.id)).toEqual(['eip155:31337', 'eip155:31338'])
  const below = descendantsOf(server.connection.process.pid ?? 0)
  expect(below.length).toBeGreaterThanOrEqual(2)
  return { server, below }
}

const requireGone = (pids: readonly number[]) =>
  eventually('the sandbox has ended', () => pids.every((pid) => isGone(pid)), 5_000)

describe.each(ERAS)('a client of %s', (era) => {
  test('takes npm start as its server command: it skips the banner that npm prints', async () => {
    const server = await startBursar({
      era,
      env,
      command: { command: 'npm', args: ['start'], cwd: REPOSITORY },
      bannerAllowed: true,
    })
    const { chains } = await server.answer('list_chains')
    expect(chains.map(({ chain }) => chain.id)).toEqual(['eip155:31337', 'eip155:31338'])
    await server.close()
    const banner = server.lines.filter((line) => !line.startsWith('{'))
    expect(banner).toEqual(['', '> bursar@0.1.0 start', '> node dist/bursar.js serve', ''])
  })

  test('gets nothing but JSON-RPC from npm start --silent (R11)', async () => {
    const command = { command: 'npm', args: ['start', '--silent'], cwd: REPOSITORY }
    const server = await startBursar({ era, env, command })
    const { wallets } = await server.answer('get_wallets')
    expect(wallets.map(({ name }) => name)).toEqual(['treasury', 'agent', 'merchant', 'payroll', 'vault'])
    await server.close()
    expect(server.lines.length).toBeGreaterThan(0)
  })

  test("starts from the README's client configuration", async () => {
    const readme = readFileSync('README.md', 'utf8')
    const [, json = ''] = /```json\n([\s\S]*?)```/.exec(readme) ?? []
    const configuration = JSON.parse(json) as {
      readonly mcpServers: { readonly bursar: { readonly command: string; readonly args: readonly string[] } }
    }
    const { command, args } = configuration.mcpServers.bursar
    const server = await startBursar({
      era,
      env,
      command: { command, args: args.map((arg) => arg.replace('/path/to/bursar', REPOSITORY)) },
    })
    expect(await server.connection.listTools()).toContain('send_transaction')
    await server.close()
  })
})

test('B6: with nothing configured, the blocks of the sandbox are pushed', async () => {
  const { server } = await startWithSandbox()
  await expect.poll(() => liveOf(server), { timeout: 10_000 }).toEqual(['socket', 'socket'])
  await server.close()
})

describe('the server ends with code 0, and its sandbox with it', () => {
  test('when its client closes stdin', async () => {
    const { server, below } = await startWithSandbox()
    server.connection.process.stdin?.end()
    expect(await server.ended).toBe(0)
    await requireGone(below)
    await server.close()
  })

  test.each(['SIGTERM', 'SIGINT'] as const)('on %s', async (signal) => {
    const { server, below } = await startWithSandbox()
    server.connection.process.kill(signal)
    expect(await server.ended).toBe(0)
    await requireGone(below)
    await server.close()
  })

  test('and its sandbox ends even when it is killed', async () => {
    const { server, below } = await startWithSandbox()
    await server.kill()
    expect(await server.ended).toBe('SIGKILL')
    await requireGone(below)
  })
})

test('a wrong configuration ends it with code 1: all problems on stderr, nothing on stdout (R11, T15)', async () => {
  const secret = 'deadbeef'.repeat(7)
  const { code, stdout, stderr } = await run(process.execPath, [BURSAR, 'serve'], {
    env: {
      ...env,
      MAX_GAS_PRICE_GWEI: 'cheap',
      RPC_TIMEOUT_MS: '1',
      WALLET_MAIN_PRIVATE_KEY: secret,
    },
  })
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('The configuration has ')
  expect(stderr).toMatch(/^- MAX_GAS_PRICE_GWEI must be a decimal number above 0/m)
  expect(stderr).toMatch(/^- RPC_TIMEOUT_MS must be a whole number from 100 to 120000$/m)
  expect(stderr).toMatch(/^- WALLET_MAIN_PRIVATE_KEY must be a private key/m)
  expect(stderr).toContain('.env.example documents all of them')
  expect(stderr).not.toContain(secret)
})

test('--version prints the version of the package', async () => {
  expect(await bursar('--version')).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' })
})

test('--help names every command', async () => {
  const { code, stdout, stderr } = await bursar('--help')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  for (const command of ['serve', 'sandbox', 'demo', 'doctor'])
    expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'))
})

test.each([
  ['serv', "error: unknown command 'serv'"],
  ['--sandbox', "error: unknown option '--sandbox'"],
])('%s is refused on stderr, with code 1', async (given, words) => {
  const { code, stdout, stderr } = await bursar(given)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain(words)
  expect(stderr).toContain('Run "bursar --help" for the commands.')
})
