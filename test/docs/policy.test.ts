import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { runCases } from '../../src/policy/cases.ts'
import { EFFECTS } from '../../src/policy/rules/document.ts'
import { readRules } from '../../src/policy/rules/readRules.ts'

const text = readFileSync('docs/policy.md', 'utf8')
const [policy = '', cases = ''] = [...text.matchAll(/```json\n([\s\S]*?)```/g)].map(([, body]) => body)

test('the policy and the cases that the guide shows are such, and the cases hold', () => {
  const book = readRules(policy, allChains)
  expect(book.size).toBe(6)
  expect(runCases(cases, book, allChains).map(({ name, passed }) => [name, passed])).toEqual([
    ['a stranger is not paid', true],
    ['what is left of the day is paid', true],
  ])
})

test('the guide has a row for every effect of a rule, and for no other', () => {
  const rows = [...text.matchAll(/^\| `(\w+)` +\|/gm)].map(([, name]) => name)
  expect(rows).toEqual([...EFFECTS])
})
