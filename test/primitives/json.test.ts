import fc from 'fast-check'
import { expect, it } from 'vitest'
import { canonicalJson, digestOf } from '../../src/primitives/json.ts'

it('T10: equal values have equal text, in whatever order they were written', () => {
  expect(canonicalJson({ b: 1, a: { d: [2, 'x'], c: null } })).toBe('{"a":{"c":null,"d":[2,"x"]},"b":1}')
  expect(canonicalJson({ a: { c: null, d: [2, 'x'] }, b: 1 })).toBe('{"a":{"c":null,"d":[2,"x"]},"b":1}')
})

it('T10: any JSON value survives, and its keys in another order give the same text', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value)
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(canonicalJson(backwards(value))).toBe(text)
    }),
  )
})

/** The same value with every object's keys in the opposite order. */
function backwards(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(backwards)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, member]) => [key, backwards(member)]),
  )
}

it.each([
  ['an undefined member', { a: undefined }],
  ['a bigint', { a: 1n }],
  ['NaN', [Number.NaN]],
  ['infinity', Number.POSITIVE_INFINITY],
  ['a function', () => 1],
  ['a symbol', Symbol('x')],
])('T10: refuses %s, which JSON would change without a word', (_name, value) => {
  expect(() => canonicalJson(value)).toThrow(TypeError)
})

it('T10: a digest is SHA-256 of that text', () => {
  // printf '%s' '{"a":1,"b":"x"}' | sha256sum
  expect(digestOf({ b: 'x', a: 1 })).toBe(
    '0xecf9e98ec0641e23113ff3ce8bdc78d0ddd249886517fd4a7f68cc83d4e65667',
  )
})

it('T10: what differs in one place has another digest, also where text would run together', () => {
  const digests = [
    { a: '1', b: '2' },
    { a: '12', b: '' },
    { ab: '12' },
    { a: 1, b: 2 },
    { a: ['1', '2'] },
    { a: [['1'], '2'] },
    { a: '["1","2"]' },
  ].map(digestOf)
  expect(new Set(digests).size).toBe(7)
})
