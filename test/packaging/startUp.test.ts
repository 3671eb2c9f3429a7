import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const STATIC_IMPORT = /^(?:import|export)\b[^;]*?["'](\.{1,2}\/[^"']+)["'];?$/gm

/** A file of dist/ and all that is loaded with it, before anything of it runs. */
function loadedWith(path: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(path)) return seen
  seen.add(path)
  for (const [, target = ''] of readFileSync(path, 'utf8').matchAll(STATIC_IMPORT)) {
    loadedWith(join(path, '..', target), seen)
  }
  return seen
}

/** The chunk that defines a function, of the build that dist/bursar.js belongs to. */
function chunkOf(name: string): string {
  const known = loadedWith('dist/bursar.js')
  const files = readdirSync('dist/chunks').map((file) => join('dist/chunks', file))
  const main = readFileSync('dist/bursar.js', 'utf8')
  const lazy = files.find(
    (file) =>
      main.includes(file.slice('dist/'.length)) &&
      !known.has(file) &&
      readFileSync(file, 'utf8').includes(`function ${name}(`),
  )
  if (lazy === undefined) throw new Error(`no chunk has ${name}`)
  return lazy
}

test('a server over stdio loads nothing of what serves HTTP, and neither the engine', () => {
  const loaded = [...loadedWith(chunkOf('serve'))]
  expect(loaded.length).toBeGreaterThan(1)
  const text = loaded.map((file) => readFileSync(file, 'utf8')).join('\n')
  expect(text).toContain('// src/mcp/stdio.ts')
  for (const absent of [
    '// node_modules/hono/',
    '// node_modules/@hono/',
    '// src/mcp/http/',
    '// src/store/journal.ts',
  ]) {
    expect(text.includes(absent), absent).toBe(false)
  }
  // It is there for those who ask for it.
  const chunks = readdirSync('dist/chunks').map((file) => readFileSync(join('dist/chunks', file), 'utf8'))
  expect(chunks.some((chunk) => chunk.includes('// node_modules/hono/'))).toBe(true)
})
