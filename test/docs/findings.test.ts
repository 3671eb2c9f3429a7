import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { FINDINGS } from '../../src/primitives/findings.ts'

const rows = [
  ...readFileSync('docs/findings.md', 'utf8').matchAll(
    /^\| `([\w-]+)` +\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm,
  ),
]

it('docs/findings.md has each code once, with its gravest severity first, a meaning and an advice', () => {
  expect(rows.map(([, code]) => code).sort()).toEqual(Object.keys(FINDINGS).sort())
  const gravest = Object.fromEntries(
    rows.map(([, code = '', severity = '']) => [code, severity.trim().split(', ')[0]]),
  )
  expect(gravest).toEqual(FINDINGS)
  for (const [, , , meaning = '', advice = ''] of rows) {
    expect(meaning.trim()).toMatch(/\.$/)
    expect(advice.trim()).toMatch(/\.$/)
  }
})

it('docs/findings.md gives a second severity to what the rules tell in two, and to nothing else', () => {
  const two = rows.filter(([, , severity = '']) => severity.includes(',')).map(([, code]) => code)
  expect(two.sort()).toEqual([
    ...['inner-call-unknown', 'loose-slippage', 'ownership-change', 'token-as-recipient', 'upgrade'],
  ])
})
