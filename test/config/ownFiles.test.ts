import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bursar-own-'))
  for (const name of ['.env', 'policy.json', 'rules.json'])
    writeFileSync(join(home, name), '', { mode: 0o600 })
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const load = (env: Readonly<Record<string, string>> = {}) =>
  loadConfig({ BURSAR_HOME: home, ...env }, allChains)

describe('T37: what an operator has set', () => {
  it('is nobody else’s to change, and nothing is said of it', () => {
    expect(load().warnings).toEqual([])
  })

  it.each([
    ['the folder', '', 0o702, {}],
    ['its .env', '.env', 0o602, {}],
    ['its policy', 'policy.json', 0o602, {}],
    ['a policy that is named', 'rules.json', 0o646, { POLICY_FILE: 'rules.json' }],
  ])('is refused where every user may change it: %s', (_what, name, mode, env) => {
    chmodSync(join(home, name), mode)
    const named = 'POLICY_FILE' in env ? { POLICY_FILE: join(home, env.POLICY_FILE) } : {}
    expect(problemsOf(() => load(named))).toEqual([
      expect.stringContaining(
        `${join(home, name)} can be changed by every user of this machine (mode ${mode.toString(8)})`,
      ),
    ])
  })

  it('is told where a group may change it, or others may read what may hold keys', () => {
    chmodSync(home, 0o770)
    chmodSync(join(home, '.env'), 0o640)
    expect(load().warnings).toEqual([
      expect.stringContaining(`${home} can be changed by the users of its group (mode 770)`),
      expect.stringContaining(`${join(home, '.env')} can be read by other users (mode 640): chmod 600 it`),
    ])
  })
})
