import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorCatalogue } from '../../src/errors/catalogue.ts'
import { tools } from '../../tools/index.ts'

let fresh: string
beforeAll(() => {
  fresh = mkdtempSync(join(tmpdir(), 'bursar-docs-'))
  execFileSync(process.execPath, ['.ci/docs.mjs', '--out', fresh], { stdio: 'inherit' })
})
afterAll(() => rmSync(fresh, { recursive: true, force: true }))

describe.each(['tools.md', 'errors.md'])('docs/%s', (page) => {
  test('is what "npm run docs" writes from the catalogues of today', () => {
    expect(readFileSync(join('docs', page), 'utf8')).toBe(readFileSync(join(fresh, page), 'utf8'))
  })
})

test('docs/tools.md has a section for every tool, with every argument', () => {
  const page = readFileSync(join(fresh, 'tools.md'), 'utf8')
  const sections = page.split(/^## /m)
  for (const { name, input, description } of tools) {
    const section = sections.find((each) => each.startsWith(`${name}\n`)) ?? ''
    expect(section).toContain(description)
    for (const argument of Object.keys(input.shape)) expect(section, name).toContain(`\n- \`${argument}\`: `)
  }
})

test('docs/errors.md has an entry for every error, with its number', () => {
  const page = readFileSync(join(fresh, 'errors.md'), 'utf8')
  const entries = [...page.matchAll(/^### (\w+)\n\n(\d+), /gm)].map(([, code, number]) => [
    code,
    Number(number),
  ])
  const expected = Object.entries(errorCatalogue).map(([code, { number }]) => [code, number])
  expect(entries.toSorted()).toEqual(expected.toSorted())
})
