import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { announceSandbox } from '../../src/runtime/runningSandboxes.ts'
import { BURSAR, run, temporaryHome } from '../support/bursarServer.ts'
import { readRows } from '../support/engine.ts'

it('F5: a wallet that is given as nothing, as an empty variable of a shell, ends no halt', async () => {
  const { home, remove } = temporaryHome()
  const env = { PATH: '/usr/bin:/bin', BURSAR_HOME: home, BASE_MAINNET_RPC_URL: 'http://127.0.0.1:1' }
  const bursar = (...args: readonly string[]) => run(process.execPath, [BURSAR, ...args], { env })
  const halts = () => readRows(join(home, 'journal.db'), 'select wallet, chain from halts')
  // The other way round it is the safe one.
  expect(await bursar('halt', '--wallet', '')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Signing is halted for every wallet on every chain'),
  })
  for (const option of ['--wallet', '--chain']) {
    expect(await bursar('resume', option, '')).toMatchObject({ code: 1, stdout: '' })
    expect(halts()).toEqual([{ wallet: '', chain: '' }])
  }
  const both = await bursar('resume', '--all', '--wallet', 'agent')
  expect([both.code, both.stderr]).toEqual([1, expect.stringContaining("'--all' cannot be used with option")])
  expect(halts()).toEqual([{ wallet: '', chain: '' }])
  expect((await bursar('resume')).code).toBe(0)
  expect(halts()).toEqual([])
  remove()
})

it('R9: what is given at a shell and told again moves no cursor and turns no text around', async () => {
  const { home, remove } = temporaryHome()
  const env = { PATH: '/usr/bin:/bin', BURSAR_HOME: home, BASE_MAINNET_RPC_URL: 'http://127.0.0.1:1' }
  const given = 'a\u202e\u001b[2Jb'
  const { stdout } = await run(process.execPath, [BURSAR, 'halt', '--wallet', given], { env })
  expect(stdout).toContain('for a wallet "a\\u{202e}\\u{1b}[2Jb" here')
  const { stderr } = await run(process.execPath, [BURSAR, 'resume', '--chain', given], { env })
  expect(stderr).toContain('a\\u{202e}\\u{1b}[2Jb')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  expect(stdout + stderr).not.toMatch(/[\u202e\u001b]/)
  remove()
})

it('F5: stops what a server signs by, whatever is wrong with the configuration, and without the server’s variables', async () => {
  const { home, remove } = temporaryHome()
  const shell = { PATH: '/usr/bin:/bin', BURSAR_HOME: home }
  const server = { ...shell, BASE_MAINNET_RPC_URL: 'http://127.0.0.1:1' }
  const bursar = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
    run(process.execPath, [BURSAR, ...args], { env })
  const reasons = () => readRows(join(home, 'journal.db'), 'select reason, chain from halts order by chain')
  // Where nothing was ever signed there is nothing to stop, and no journal is made up.
  expect(await bursar(shell, 'halt')).toMatchObject({ code: 1, stdout: '' })
  expect(await bursar(server, 'halt', '--reason', 'before the first start')).toMatchObject({ code: 0 })

  expect(await bursar(shell, 'halt', '--reason', 'another shell')).toMatchObject({ code: 0 })
  expect(reasons()).toEqual([{ reason: 'another shell', chain: '' }])

  const broken = { ...server, MAX_GAS_PRICE_GWEI: 'plenty' }
  const { code, stdout } = await bursar(broken, 'halt', '--chain', 'base', '--reason', 'a wrong variable')
  expect(code).toBe(0)
  expect(stdout).toMatch(/^The configuration does not load.*\n- MAX_GAS_PRICE_GWEI must be/)
  mkdirSync(join(home, '.env'))
  expect(await bursar(server, 'halt', '--reason', 'an .env that cannot be read')).toMatchObject({ code: 0 })
  expect(reasons()).toEqual([
    { reason: 'an .env that cannot be read', chain: '' },
    { reason: 'a wrong variable', chain: 'eip155:8453' },
  ])

  // Letting it go on has the time to mend it.
  expect(await bursar(broken, 'resume', '--all')).toMatchObject({ code: 1, stdout: '' })
  expect(reasons()).toHaveLength(2)
  remove()
})

it('F5: stops a sandbox that runs and the journal beside it, each named; one that fails keeps no other from it', async () => {
  const { home, remove } = temporaryHome()
  const env = { PATH: '/usr/bin:/bin', BURSAR_HOME: home }
  const bursar = (...args: readonly string[]) => run(process.execPath, [BURSAR, ...args], { env })
  const sandbox = join(home, 'sandbox')
  mkdirSync(sandbox)
  // As long as this process runs.
  announceSandbox(home, { pid: process.pid, folder: sandbox })
  writeFileSync(join(home, 'journal.db'), 'no database')
  const { code, stdout, stderr } = await bursar('halt')
  expect([code, stderr]).toEqual([1, expect.stringContaining('journal')])
  expect(stdout).toContain(`${home}:\n${sandbox}:\nSigning is halted for every wallet on every chain`)
  const halts = () => readRows(join(sandbox, 'journal.db'), 'select wallet from halts')
  expect(halts()).toEqual([{ wallet: '' }])

  writeFileSync(join(home, 'journal.db'), '')
  expect(await bursar('halt', '--wallet', 'agent')).toMatchObject({ code: 0 })
  expect(readRows(join(home, 'journal.db'), 'select wallet from halts')).toEqual([{ wallet: 'agent' }])
  expect(await bursar('resume', '--all')).toMatchObject({ code: 0 })
  expect([halts(), readRows(join(home, 'journal.db'), 'select wallet from halts')]).toEqual([[], []])
  remove()
})

it('F5: a sandbox that cannot be found, its word half-written, keeps the journal beside it from no halt', async () => {
  const { home, remove } = temporaryHome()
  const shell = { PATH: '/usr/bin:/bin', BURSAR_HOME: home }
  const env = { ...shell, BASE_MAINNET_RPC_URL: 'http://127.0.0.1:1' }
  const bursar = (...args: readonly string[]) => run(process.execPath, [BURSAR, ...args], { env })
  announceSandbox(home, { pid: process.pid, folder: join(home, 'sandbox') })
  writeFileSync(join(home, 'sandboxes', `${process.pid}.json`), '{"pid":')
  const { code, stdout, stderr } = await bursar('halt')
  expect(stdout).toContain('Signing is halted for every wallet on every chain')
  expect(readRows(join(home, 'journal.db'), 'select wallet from halts')).toEqual([{ wallet: '' }])
  // One that runs may sign still.
  expect([code, stderr]).toEqual([1, expect.stringContaining(`${process.pid}.json`)])
  remove()
})
