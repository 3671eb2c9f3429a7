import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'

const scratch = mkdtempSync(path.join(tmpdir(), 'bursar-artifacts-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const names = [
  'EntryPoint.json',
  'Multicall3.json',
  'SimpleAccountFactory.json',
  'SimpleAccountProxy.json',
  'TestUSDC.json',
  'TipJar.json',
]

test('compiling the contracts again gives the checked-in artefacts byte for byte', () => {
  const again = path.join(scratch, 'again')
  execFileSync(process.execPath, ['contracts/compile.mjs', '--out', again])
  expect(readdirSync('contracts/artifacts').sort()).toEqual(names)
  expect(readdirSync(again).sort()).toEqual(names)
  for (const name of names) {
    expect(readFileSync(path.join(again, name))).toEqual(readFileSync(path.join('contracts/artifacts', name)))
  }
})

test('--check names a stale, a missing and a left-over artefact and fails', () => {
  const folder = path.join(scratch, 'stale')
  cpSync('contracts/artifacts', folder, { recursive: true })
  expect(check(folder)).toEqual({ status: 0, stderr: '' })

  appendFileSync(path.join(folder, 'TipJar.json'), ' ')
  rmSync(path.join(folder, 'TestUSDC.json'))
  cpSync(path.join(folder, 'Multicall3.json'), path.join(folder, 'Gone.json'))
  const { status, stderr } = check(folder)
  expect(status).toBe(1)
  expect(stderr).toContain('TipJar.json does not match')
  expect(stderr).toContain('TestUSDC.json does not match')
  expect(stderr).toContain('Gone.json does not match')
  expect(stderr).not.toContain('Multicall3.json')
  // The compiler runs twice, some seconds each on an idle core.
}, 120_000)

function check(folder: string) {
  const { status, stderr } = spawnSync(
    process.execPath,
    ['contracts/compile.mjs', '--check', '--out', folder],
    {
      encoding: 'utf8',
    },
  )
  return { status, stderr }
}
