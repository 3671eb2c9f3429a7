import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { environmentOf, type Ran, run, startBursar } from '../support/bursarServer.ts'
import { startWorld, type World } from '../support/engine.ts'

// What npm pack makes, installed where there is nothing else.

const INSTALL_MS = 180_000

const folder = mkdtempSync(join(tmpdir(), 'bursar-pack-'))
const installed = join(folder, 'installed')
const lean = join(folder, 'lean')
let world: World
let tarball: string
let files: readonly string[]

/** npm as its user has configured it, in a folder of its own. */
async function npm(cwd: string, ...args: string[]): Promise<Ran> {
  const env = Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
  const ran = await run('npm', args, { cwd, env })
  if (ran.code !== 0) throw new Error(`npm ${args.join(' ')}: ${ran.stderr}`)
  return ran
}

const install = (cwd: string, ...what: string[]) =>
  npm(cwd, 'install', ...what, '--omit=dev', '--prefer-offline', '--no-audit', '--no-fund')

/** The command that an installation of the package offers. */
const commandOf = (cwd: string) => ({ command: join(cwd, 'node_modules/.bin/bursar'), args: ['serve'], cwd })

const bareEnvironment = () => ({
  PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
  BURSAR_HOME: join(folder, 'home'),
  LOG_LEVEL: 'error',
})

beforeAll(async () => {
  mkdirSync(installed)
  mkdirSync(lean)
  // dist/ was built from these sources before the tests began.
  const { stdout } = await npm(
    resolve('.'),
    'pack',
    '--ignore-scripts',
    '--json',
    '--pack-destination',
    folder,
  )
  const [packed] = Object.values(JSON.parse(stdout) as Record<string, Packed>)
  if (!packed) throw new Error('npm pack made nothing')
  tarball = join(folder, packed.filename)
  files = packed.files.map(({ path }) => path)
  world = await startWorld()
}, INSTALL_MS)
afterAll(async () => {
  await world.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

test('the tarball holds the built server and its papers, and no sources', () => {
  const beside = files.filter((path) => !path.startsWith('dist/')).sort()
  expect(beside).toEqual(['.env.example', 'LICENSE', 'README.md', 'package.json'])
  expect(files).toContain('dist/bursar.js')
  expect(files.filter((path) => /\.ts$|test|\.map$/.test(path))).toEqual([])
})

describe('installed into an empty folder, without development dependencies', () => {
  beforeAll(() => install(installed, tarball).then(() => undefined), INSTALL_MS)

  test('the bursar command serves over stdio, with its sandbox, and pays', async () => {
    const bursar = await startBursar({ env: bareEnvironment(), command: commandOf(installed) })
    expect(bursar.connection.serverName).toBe('bursar')
    const { chains } = await bursar.answer('list_chains')
    expect(chains.map(({ chain }) => chain)).toEqual([
      { id: 'eip155:31337', name: 'Sandbox A', native: 'ETH', sandbox: true },
      { id: 'eip155:31338', name: 'Sandbox B', native: 'tBNB', sandbox: true },
    ])
    const { intentId } = await bursar.answer('simulate_transaction', {
      chain: 'sandbox-a',
      wallet: 'agent',
      to: 'merchant',
      amount: '1',
      idempotencyKey: 'installed',
    })
    const { operationId } = await bursar.answer('send_transaction', { intentId })
    const asked = { operation: operationId, waitSeconds: 20, until: 'final' }
    expect(await bursar.answer('get_operation', asked)).toMatchObject({ state: 'committed' })
    await bursar.close()
  })

  test('the bursar command tells its version and runs its demo', async () => {
    const { command, cwd } = commandOf(installed)
    expect(await run(command, ['--version'], { env: bareEnvironment(), cwd })).toMatchObject({
      code: 0,
      stdout: '0.1.0\n',
    })
    const demo = await run(command, ['demo'], { env: bareEnvironment(), cwd })
    expect(demo.stderr).toBe('')
    expect(demo.stdout).toContain('Balances before and after:')
    expect(demo.code).toBe(0)
  }, 60_000)
})

describe('installed with --omit=optional', () => {
  beforeAll(() => install(lean, tarball, '--omit=optional').then(() => undefined), INSTALL_MS)

  test('says what to install, because npm leaves half of the journal out as well; then it pays', async () => {
    const env = { ...environmentOf(world, join(folder, 'lean-home')), PATH: bareEnvironment().PATH }
    const broken = await startBursar({ env, command: commandOf(lean) })
    const error = await broken.refusal('list_operations')
    expect(error).toMatchObject({ code: 'journal_missing', kind: 'config', retry: 'no', sideEffect: 'none' })
    const [, missing = ''] = /"npm install (@libsql\/[\w-]+@0\.5\.29)"/.exec(error.fix) ?? []
    expect(missing).not.toBe('')
    await broken.close()

    await install(lean, missing, '--omit=optional')
    const mended = await startBursar({ env, command: commandOf(lean) })
    const { intentId } = await mended.answer('simulate_transaction', {
      chain: 'sandbox-b',
      wallet: 'agent',
      to: 'merchant',
      amount: '1',
      idempotencyKey: 'lean',
    })
    await mended.answer('send_transaction', { intentId })
    await world.b.mine(2)
    const asked = { operation: 'lean', waitSeconds: 20, until: 'final' }
    expect(await mended.answer('get_operation', asked)).toMatchObject({ state: 'committed' })
    await mended.close()
  }, 180_000)

  test('with nothing configured, a call says how to get the sandbox', async () => {
    const bursar = await startBursar({ env: bareEnvironment(), command: commandOf(lean) })
    const fix =
      'Install it with "npm install @foundry-rs/anvil@1.7.1", or configure real chains through *_RPC_URL.'
    const payment = {
      chain: 'sandbox-a',
      wallet: 'agent',
      to: 'merchant',
      amount: '1',
      idempotencyKey: 'none',
    }
    expect(await bursar.refusal('simulate_transaction', payment)).toMatchObject({
      code: 'sandbox_missing',
      kind: 'config',
      fix,
      sideEffect: 'none',
    })
    // What asks about many chains says it of each, and answers the rest.
    const missing = { code: 'sandbox_missing', fix }
    expect(await bursar.answer('get_balances')).toMatchObject({ chains: [], failed: [missing, missing] })
    const { chains } = await bursar.answer('list_chains')
    expect(chains.map(({ problem }) => problem?.endsWith(fix))).toEqual([true, true])
    await bursar.close()
  })
})
