import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatUnits, parseAmount } from '../../src/primitives/amount.ts'

const MAX = 2n ** 256n - 1n
const raws = fc.bigInt({ min: 0n, max: MAX })
const decimals = fc.integer({ min: 0, max: 77 })

describe('R8: amounts are exact', () => {
  it('R8: what is written out is read back, for every amount and every number of decimals', () => {
    fc.assert(
      fc.property(raws, decimals, (raw, places) => {
        // More whole digits than 78 are no amount of 256 bits anyway.
        expect(parseAmount(formatUnits(raw, places), places)).toBe(raw)
      }),
      { numRuns: 2_000 },
    )
  })

  it('R8: no digit is lost on the way from text to units', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[1-9]\d{0,20}$/),
        fc.stringMatching(/^\d{1,18}$/),
        (whole, fraction) => {
          expect(parseAmount(`${whole}.${fraction}`, 18)).toBe(BigInt(whole + fraction.padEnd(18, '0')))
        },
      ),
    )
  })

  it.each([
    ['0.000001', 6, 1n],
    ['250.5', 6, 250_500_000n],
    ['1', 18, 1_000_000_000_000_000_000n],
    ['0.1', 18, 100_000_000_000_000_000n],
    ['0.30000000000000004', 18, 300_000_000_000_000_040n],
    ['9007199254740993', 0, 9_007_199_254_740_993n],
    ['007', 0, 7n],
    ['0', 6, 0n],
    ['0.0', 6, 0n],
    ['1.10', 2, 110n],
    ['115792089237316195423570985008687907853269984665640564039457584007913129639935', 0, MAX],
  ])('R8: %s with %i decimals is %s', (text, places, raw) => {
    expect(parseAmount(text, places)).toBe(raw)
  })

  it.each([
    ['1.0000001', 6, 'too-many-decimals'],
    ['1.0000000', 6, 'too-many-decimals'],
    ['1.5', 0, 'too-many-decimals'],
    ['-1', 6, 'not-positive'],
    ['-0.5', 6, 'not-positive'],
    ['115792089237316195423570985008687907853269984665640564039457584007913129639936', 0, 'too-large'],
    ['1157920892373161954235709850086879078532699846656405640394575840079131296399.36', 77, 'too-large'],
  ])('R8: %s with %i decimals is %s', (text, places, problem) => {
    expect(parseAmount(text, places)).toBe(problem)
  })

  it.each([
    '',
    ' ',
    ' 1',
    '1 ',
    '+1',
    '--1',
    '1e3',
    '1E3',
    '0x10',
    '1_000',
    '1,000',
    '1,5',
    '.5',
    '5.',
    '1.2.3',
    'NaN',
    'Infinity',
    'one',
    '1\n',
    '\n1',
    '１',
    '٣',
    '1\u200b',
    '1\u202e',
    '½',
    '1n',
    '1.5 ETH',
    '$1',
    '1;2',
    '9'.repeat(79),
    `0.${'0'.repeat(79)}1`,
  ])('R8, T34: %j is no amount', (text) => {
    expect(parseAmount(text, 18)).toBe('not-decimal')
  })

  it('R8, T34: text of any kind gives an amount or a reason, never a crash', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), decimals, (text, places) => {
        const parsed = parseAmount(text, places)
        expect(typeof parsed === 'bigint' ? parsed >= 0n : typeof parsed).toBe(
          typeof parsed === 'bigint' ? true : 'string',
        )
      }),
    )
  })

  it('R8: ten million characters are refused at once', () => {
    expect(parseAmount('1'.repeat(10_000_000), 18)).toBe('not-decimal')
  })

  it.each([
    [1_500_000n, 6, '1.5'],
    [0n, 18, '0'],
    [1n, 18, '0.000000000000000001'],
    [-1_500_000n, 6, '-1.5'],
    [7n, 0, '7'],
    [100n, 2, '1'],
  ])('R8: %s with %i decimals is written %s', (raw, places, text) => {
    expect(formatUnits(raw, places)).toBe(text)
  })
})
