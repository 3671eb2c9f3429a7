import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nearest } from '../../src/config/nearest.ts'

it.each([
  ['kitten', 'kitten', 0],
  ['kiten', 'kitten', 1],
  ['kittten', 'kitten', 1],
  ['kittne', 'kitten', 1],
  ['sitten', 'kitten', 1],
  ['sittin', 'kitten', 2],
  ['iktetn', 'kitten', 2],
  ['sitting', 'kitten', undefined],
  ['', 'ab', 2],
  ['abc', '', undefined],
])('counts the slips between "%s" and "%s": %s', (text, candidate, slips) => {
  expect(nearest(text, [candidate], 2)?.slips).toBe(slips)
})

it('prefers fewer slips, then the first candidate', () => {
  expect(nearest('bade', ['bases', 'base', 'bake'], 2)).toEqual({ name: 'base', slips: 1 })
})

it('finds every name that one or two slips have changed', () => {
  const slip = fc.record({
    kind: fc.constantFrom('drop', 'add', 'change'),
    at: fc.nat(30),
    letter: fc.constantFrom(...'AXZ_9'),
  })
  fc.assert(
    fc.property(
      fc.stringMatching(/^[A-Z0-9_]{6,25}$/),
      fc.array(slip, { minLength: 1, maxLength: 2 }),
      (name, slips) => {
        const changed = slips.reduce((text, { kind, at, letter }) => {
          const index = at % text.length
          const skipped = kind === 'add' ? 0 : 1
          return text.slice(0, index) + (kind === 'drop' ? '' : letter) + text.slice(index + skipped)
        }, name)
        expect(nearest(changed, [name], 2)?.name).toBe(name)
      },
    ),
  )
})
