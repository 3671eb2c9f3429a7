import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type FlagRule,
  type FlagSubject,
  flagCatalogue,
  flagNames,
  isFlagName,
  ruleProblem,
  variantOf,
} from '../../src/primitives/flags.ts'

const subject = (key: string, more: Partial<FlagSubject> = {}): FlagSubject => ({
  ...{ principal: 'local', key, chain: 'eip155:31337', wallet: 'agent', account: '0xAB' },
  ...more,
})
const rule = (more: Partial<FlagRule> = {}): FlagRule => ({
  percent: 100,
  variants: { on: 1 },
  otherwise: 'off',
  ...more,
})
const keys = Array.from({ length: 2_000 }, (_, index) => `payment-${index}`)
const chosen = (percent: number) =>
  keys.filter((key) => variantOf('call-batching', rule({ percent }), subject(key)) === 'on')

describe('F5: a percentage', () => {
  it('F5: chooses the same payments each time, about as many as it says, and others for another flag', () => {
    expect(chosen(25)).toEqual(chosen(25))
    expect(chosen(25).length).toBeGreaterThan(430)
    expect(chosen(25).length).toBeLessThan(570)
    expect(chosen(0)).toEqual([])
    expect(chosen(100)).toEqual(keys)
    const other = keys.filter(
      (key) => variantOf('wait-for-fees', rule({ percent: 25 }), subject(key)) === 'on',
    )
    expect(other).not.toEqual(chosen(25))
    // Published: a change of the hash would move every payment to another side.
    expect(chosen(1).slice(0, 3)).toMatchInlineSnapshot(`
      [
        "payment-11",
        "payment-21",
        "payment-210",
      ]
    `)
  })

  it('F5: that is raised only adds', () => {
    const percent = fc.integer({ min: 0, max: 100 })
    const holds = (low: number, high: number, key: string) => {
      const [less, more] = low < high ? [low, high] : [high, low]
      const at = (share: number) => variantOf('call-batching', rule({ percent: share }), subject(key))
      return at(less) === 'off' || at(more) === 'on'
    }
    fc.assert(fc.property(percent, percent, fc.string(), holds), { numRuns: 2_000 })
  })
})

describe('F5: a rule', () => {
  it.each([
    [{ wallets: ['agent'] }, {}, 'on'],
    [{ wallets: ['0xab'] }, {}, 'on'],
    [{ wallets: ['ops', 'payroll'] }, {}, 'off'],
    [{ principals: ['local'] }, {}, 'on'],
    [{ principals: ['local'] }, { principal: 'other' }, 'off'],
    [{ chains: ['eip155:1', 'eip155:31337'] }, {}, 'on'],
    [{ chains: ['eip155:1'] }, {}, 'off'],
    [{ wallets: ['agent'], chains: ['eip155:1'] }, {}, 'off'],
  ])('F5: %j is for %j: %s', (more, of, expected) => {
    expect(variantOf('call-batching', rule(more), subject('k', of))).toBe(expected)
  })

  it('F5: shares variants out by weight, each payment to one of them', () => {
    const shares = rule({ variants: { slow: 3, fast: 1 }, otherwise: 'standard' })
    const got = keys.map((key) => variantOf('default-urgency', shares, subject(key)))
    const slow = got.filter((variant) => variant === 'slow').length
    expect(slow).toBeGreaterThan(1_400)
    expect(slow).toBeLessThan(1_600)
    expect(got.filter((variant) => variant === 'fast').length).toBe(2_000 - slow)
  })

  it.each([
    [{ variants: { maybe: 1 } }, 'call-batching has no variant "maybe", only on, off'],
    [{ otherwise: 'maybe' }, 'call-batching has no variant "maybe", only on, off'],
    [{ percent: 101 }, 'a percentage is a number from 0 to 100'],
    [{ percent: Number.NaN }, 'a percentage is a number from 0 to 100'],
    [{ variants: {} }, 'each variant has a weight above 0'],
    [{ variants: { on: 0 } }, 'each variant has a weight above 0'],
    [{}, undefined],
  ])('F5: %j: %s', (more, problem) => {
    expect(ruleProblem('call-batching', rule(more))).toBe(problem)
  })
})

it('F5: every flag says what it switches, and what it is when it is off and when it cannot be read', () => {
  expect(flagNames).toHaveLength(6)
  for (const name of flagNames) {
    const { what, variants, usual, off, unread } = flagCatalogue[name]
    expect(what.length).toBeGreaterThan(20)
    for (const each of [usual, off, unread]) expect(variants).toContain(each)
  }
  expect(isFlagName('call-batching')).toBe(true)
  expect(isFlagName('toString')).toBe(false)
})
