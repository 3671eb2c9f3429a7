import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { announceSandbox, runningSandboxes, withdrawSandbox } from '../../src/runtime/runningSandboxes.ts'

const newHome = () => mkdtempSync(join(tmpdir(), 'bursar-home-'))

test('a sandbox is found while it runs, and not afterwards', () => {
  const home = newHome()
  expect(runningSandboxes(home)).toEqual([])
  announceSandbox(home, { pid: process.pid, folder: '/somewhere' })
  expect(runningSandboxes(home)).toEqual([{ pid: process.pid, folder: '/somewhere' }])
  withdrawSandbox(home, process.pid)
  expect(runningSandboxes(home)).toEqual([])
})

test('what a killed process left is removed, and other files are left alone', () => {
  const home = newHome()
  const { pid } = spawnSync(process.execPath, ['-e', '0'])
  announceSandbox(home, { pid, folder: '/gone' })
  writeFileSync(join(home, 'sandboxes', 'notes.txt'), '')
  expect(runningSandboxes(home)).toEqual([])
  expect(existsSync(join(home, 'sandboxes', `${pid}.json`))).toBe(false)
  expect(existsSync(join(home, 'sandboxes', 'notes.txt'))).toBe(true)
})
