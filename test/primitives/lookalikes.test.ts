import fc from 'fast-check'
import { expect, it, test } from 'vitest'
import { lookalikeKeys, resemblance } from '../../src/primitives/lookalikes.ts'

const MERCHANT = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'

const digits = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })

it('T5: the middle may be anything: with the same first and last four digits it is poison', () => {
  fc.assert(
    fc.property(digits(4), digits(32), digits(32), digits(4), (front, middle, other, back) => {
      const [known, poison] = [middle, other].map((each) => `0x${front}${each}${back}`) as [string, string]
      fc.pre(middle !== other && !/0{16}/.test(poison))
      expect(resemblance(poison, known)).toBeDefined()
      expect(lookalikeKeys(poison)?.ends).toBe(lookalikeKeys(known)?.ends)
      // Capitals are a checksum and no difference.
      expect(resemblance(poison.toUpperCase().replace('0X', '0x'), known)).toBeDefined()
    }),
    { numRuns: 2_000 },
  )
})

it('T5: one digit that is another one, and two neighbours that are swapped, are slips wherever they are, and found', () => {
  fc.assert(
    fc.property(digits(40), fc.nat(39), fc.integer({ min: 1, max: 15 }), (known, at, by) => {
      const other = ((Number.parseInt(known[at] as string, 16) + by) % 16).toString(16)
      const slipped = `0x${known.slice(0, at)}${other}${known.slice(at + 1)}`
      fc.pre(!/0{16}/.test(slipped))
      expect(resemblance(slipped, `0x${known}`)).toBe('one digit')
      expect(sharesAKey(slipped, `0x${known}`)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
  fc.assert(
    fc.property(digits(40), fc.nat(38), (known, at) => {
      const swapped = `0x${known.slice(0, at)}${known[at + 1]}${known[at]}${known.slice(at + 2)}`
      fc.pre(known[at] !== known[at + 1] && !/0{16}/.test(swapped))
      expect(resemblance(swapped, `0x${known}`)).toBe('swapped digits')
      expect(sharesAKey(swapped, `0x${known}`)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

/** What the journal finds it by. */
function sharesAKey(address: string, other: string): boolean {
  const [a, b] = [lookalikeKeys(address), lookalikeKeys(other)]
  if (!a || !b) throw new Error('no address')
  return a.ends === b.ends || a.head === b.head || a.tail === b.tail
}

it('T5: addresses that chance makes are not taken for one another', () => {
  let alike = 0
  fc.assert(
    fc.property(digits(40), digits(40), (one, other) => {
      if (one !== other && resemblance(`0x${one}`, `0x${other}`) !== undefined) alike += 1
    }),
    // With a fixed seed: one pair in four billion is alike.
    { numRuns: 20_000, seed: 5 },
  )
  expect(alike).toBe(0)
})

test.each([
  ['the address itself', MERCHANT],
  ['the address itself without capitals', MERCHANT.toLowerCase()],
  ['one that only begins alike', '0x3C44CdDd00000000000000000000000000000001'],
  ['one that only ends alike', '0x1111111111111111111111111111111FFA4293BC'],
  ['one that agrees in three and four digits', '0x3C4fCdDdB6a911fa2b585dd299e03d12Fb4293BC'],
  ['two digits apart that differ', '0xFC44CdDdB6a900fa2b585dd299e03d12FA4293BD'],
  ['what is no address', 'merchant'],
])('T5: innocent: %s', (_what, address) => {
  expect(resemblance(address, MERCHANT)).toBeUndefined()
})

test('T5: a chain may have its own contracts side by side, and what is made to look like them is poison all the same', () => {
  const [weth, messenger] = [
    '0x4200000000000000000000000000000000000006',
    '0x4200000000000000000000000000000000000007',
  ]
  expect(resemblance(messenger, weth)).toBeUndefined()
  expect(resemblance('0x4200beef0000beef0000beef0000beef00000006', weth)).toBe('ends')
})
