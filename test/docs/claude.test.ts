import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const MAX_LINES = 150

const text = readFileSync('CLAUDE.md', 'utf8')
const scripts = (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> })
  .scripts

/** Made by the build, or files that the reader is told to add. */
const NOT_IN_GIT = new Set(['dist/', 'tools/your-tool.ts', 'src/chains/data/yourChain.ts'])

test(`CLAUDE.md has at most ${MAX_LINES} lines`, () => {
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_LINES)
})

test('every path that CLAUDE.md names exists', () => {
  const inFolders = /(?<![\w./-])(?:src|tools|test|bench|docs|contracts|dist|\.ci)\/[\w./-]*/g
  const atRoot = /(?<![\w./-])(?:[A-Z]+\.md|\.[a-z-]+\.[a-z.]+|[a-z]+\.json)(?![\w/])/g
  const named = [...text.matchAll(inFolders), ...text.matchAll(atRoot)]
    .map(([path]) => path.replace(/\.$/, ''))
    .filter((path) => !NOT_IN_GIT.has(path))
  expect(named.length).toBeGreaterThan(30)
  expect(named.filter((path) => !existsSync(path))).toEqual([])
})

test('every folder of src is on the map', () => {
  const [, map] = /## Map\n([\s\S]*?)\n## /.exec(text) ?? []
  const [, ranks] = /```\n([\s\S]*?)```/.exec(map ?? '') ?? []
  const folders = readFoldersOfSrc()
  expect(folders.length).toBeGreaterThan(10)
  for (const folder of folders) {
    expect(map, folder).toContain(`src/${folder}/`)
    expect(ranks, folder).toMatch(new RegExp(`\\b${folder}\\b`))
  }
})

test('every npm script that CLAUDE.md names exists, and every script is named', () => {
  const named = [...text.matchAll(/\bnpm (?:run )?([a-z]+(?::[a-z]+)?)/g)].map(([, name]) => name)
  const known = Object.keys(scripts)
  expect(named.filter((name) => name !== 'ci' && !known.includes(name ?? ''))).toEqual([])
  // npm calls prepare by itself.
  expect(known.filter((name) => name !== 'prepare' && !named.includes(name))).toEqual([])
})

test('all rules from R1 to R14 are there', () => {
  const rules = [...text.matchAll(/^- \*\*R(\d+) /gm)].map(([, number]) => Number(number))
  expect(rules).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14])
})

function readFoldersOfSrc(): string[] {
  const entries = readdirSync('src', { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name)
}
