import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { makeFolder } from '../../src/primitives/makeFolder.ts'

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bursar-folder-'))
})
afterEach(() => rmSync(root, { recursive: true }))

it('makes a folder and its parents, for their owner alone', () => {
  const folder = join(root, 'a', 'b', 'c')
  makeFolder(folder)
  for (const each of [folder, join(root, 'a')]) expect(statSync(each).mode & 0o777).toBe(0o700)
})

it('leaves a folder that exists as it is', () => {
  makeFolder(root)
  expect(existsSync(root)).toBe(true)
})

it('says what is in the way', () => {
  writeFileSync(join(root, 'file'), '')
  expect(() => makeFolder(join(root, 'file'))).toThrow(expect.objectContaining({ code: 'EEXIST' }))
  expect(() => makeFolder(join(root, 'file', 'below'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }))
})

it.skipIf(!existsSync('/proc/self'))('ends where no folder can be made at all', () => {
  expect(() => makeFolder('/proc/bursar/home')).toThrow(expect.objectContaining({ code: 'ENOENT' }))
})
