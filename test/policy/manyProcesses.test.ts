import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readRows } from '../support/engine.ts'

const folder = mkdtempSync(join(tmpdir(), 'bursar-caps-'))
// Inside the project: libsql is found from where the bundle lies.
const spender = join('node_modules', `.bursar-spender-${process.pid}.mjs`)

beforeAll(async () => {
  await build({
    entryPoints: ['test/policy/support/spender.ts'],
    outfile: spender,
    ...{ bundle: true, platform: 'node', format: 'esm', external: ['libsql'] },
    banner: { js: 'import{createRequire}from"node:module";const require=createRequire(import.meta.url);' },
  })
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  rmSync(spender, { force: true })
})

const rules = JSON.stringify({
  version: 1,
  rules: [{ id: 'daily', cap: { asset: 'USDC', max: '2999.5', per: '24h' } }],
})

async function spend(path: string, name: string, count: number): Promise<number> {
  const run = promisify(execFile)
  const { stdout } = await run(process.execPath, [spender, path, name, `${count}`, rules])
  return (JSON.parse(stdout) as { admitted: number }).admitted
}

it('T20, R5: of 8 processes × 500 payments under one cap exactly as many are admitted as fit into it', async () => {
  const path = join(folder, 'journal.db')
  const names = Array.from({ length: 8 }, (_, index) => `p${index}`)
  const admitted = await Promise.all(names.map((name) => spend(path, name, 500)))
  // 1.5 USDC each, of 2,999.5: 1,999 fit.
  expect(admitted.reduce((sum, each) => sum + each, 0)).toBe(1_999)
  const total = "select raw from spends where recipient = '' and asset like '%erc20%'"
  const spent = readRows(path, total).reduce((sum, { raw }) => sum + BigInt(String(raw)), 0n)
  expect(spent).toBe(2_998_500_000n)
  // Nothing fits afterwards either, whoever asks.
  expect(await spend(path, 'late', 3)).toBe(0)
}, 120_000)
