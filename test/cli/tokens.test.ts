import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BURSAR, run, temporaryHome } from '../support/bursarServer.ts'
import { readRows } from '../support/engine.ts'

// The built command on a journal of a configured chain that is never asked.

let home: string
let remove: () => void
beforeEach(() => {
  const temporary = temporaryHome()
  home = temporary.home
  remove = () => temporary.remove()
})
afterEach(() => remove())

const token = (...args: readonly string[]) =>
  run(process.execPath, [BURSAR, 'token', ...args], {
    env: { PATH: '/usr/bin:/bin', BURSAR_HOME: home, SANDBOX_A_RPC_URL: 'http://127.0.0.1:9' },
  })
const rows = (sql: string) => readRows(join(home, 'journal.db'), sql)

describe('bursar token', () => {
  test('create shows the token once and keeps its hash alone', async () => {
    const { code, stdout, stderr } = await token('create', 'ci', '--scopes', 'spend,read', '--expires', '90d')
    expect(code).toBe(0)
    expect(stdout).toMatch(/^bursar_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n$/)
    expect(stderr).toMatch(/^Token ci \([0-9a-f]{12}\) of ci: read, spend; expires \d{4}-/)
    const secret = stdout.trim().slice(20)
    const files = readdirSync(home).map((name) => readFileSync(join(home, name), 'latin1'))
    expect(files.length).toBeGreaterThan(0)
    expect(files.filter((content) => content.includes(secret))).toEqual([])
    expect(rows('select name, principal, scopes, audience from tokens')).toEqual([
      { name: 'ci', principal: 'ci', scopes: 'read,spend', audience: 'bursar' },
    ])
    const listed = await token('list')
    expect(listed.stdout).toContain(
      `bursar_${stdout.slice(7, 19)}_…  ci  good  principal ci  scopes read,spend`,
    )
    expect(listed.stdout).not.toContain(secret)
  }, 60_000)

  test('revoke ends it, tells what it was, and both are in the audit', async () => {
    await token('create', 'ci', '--principal', 'payroll', '--expires', 'never', '--audience', 'inner')
    const revoked = await token('revoke', 'ci')
    expect(revoked.stdout).toMatch(/^Token ci \([0-9a-f]{12}\) is revoked/)
    expect((await token('list')).stdout).toMatch(
      /ci {2}revoked {2}principal payroll .* audience inner .* expires never/,
    )
    expect(await token('revoke', 'ci')).toMatchObject({ code: 1, stdout: '' })
    expect(rows('select event from audit order by seq')).toEqual([
      { event: 'token.created' },
      { event: 'token.revoked' },
    ])
  }, 60_000)

  test.each([
    ['a principal that only the pipe of stdio has', ['local'], /give --principal local/],
    ['a name that is not one', ['Bursar (itself)'], /names and principals are/],
    ['the principal of Bursar itself', ['ci', '--principal', 'bursar (itself)'], /names and principals are/],
    ['a scope that there is not', ['ci', '--scopes', 'read,everything'], /"everything" is not a scope/],
    ['no scope', ['ci', '--scopes', ''], /"" is not a scope/],
    ['a life that is not one', ['ci', '--expires', '90'], /--expires is a time/],
    ['an audience with spaces', ['ci', '--audience', 'a b'], /an audience is/],
  ])('T23: refuses %s', async (_what, args, words) => {
    const { code, stdout, stderr } = await token('create', ...args)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(words)
    expect((await token('list')).stdout).toMatch(/^There are no tokens/)
  })

  test('T23: the payments of stdio are a token’s when the operator names that principal', async () => {
    expect((await token('create', 'laptop', '--principal', 'local')).code).toBe(0)
    expect(rows('select name, principal from tokens')).toEqual([{ name: 'laptop', principal: 'local' }])
  })
})
