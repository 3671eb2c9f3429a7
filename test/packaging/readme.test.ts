import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

// The README promises two lines; continuous integration runs the second of them, and both exist.

const read = (path: string) => readFileSync(path, 'utf8')

test("the README's two lines are there to be copied", () => {
  const [, first = ''] = /```sh\n([\s\S]*?)```/.exec(read('README.md')) ?? []
  expect(first).toBe('npm ci && npm run demo\nnpm ci && npm test\n')
})

test('.ci/run ends with the test line of the README', () => {
  expect(read('.ci/run').trimEnd().split('\n').at(-1)).toBe('npm ci && npm test')
})

test('npm knows the scripts of both lines, and the demo is built before it runs', () => {
  const { scripts } = JSON.parse(read('package.json')) as { readonly scripts: Record<string, string> }
  expect(scripts['demo']).toBe('node build.mjs && node dist/bursar.js demo')
  expect(scripts['test']).toBe('npm run check && vitest run --coverage')
  expect(scripts['start']).toBe('node dist/bursar.js serve')
})
