import { join } from 'node:path'
import { expect, it } from 'vitest'
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
