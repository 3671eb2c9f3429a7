import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { base } from '../../../src/chains/data/base.ts'
import { bnb } from '../../../src/chains/data/bnb.ts'
import { ethereum } from '../../../src/chains/data/ethereum.ts'
import { opBnb } from '../../../src/chains/data/opBnb.ts'
import { polygon } from '../../../src/chains/data/polygon.ts'
import { baseFeeRule, nextBaseFee } from '../../../src/evm/fees/baseFee.ts'

const GWEI = 1_000_000_000n
const ETHEREUM = { target: [1, 2], denominator: 8 } as const
const block = (gasUsed: bigint, baseFee = 10n * GWEI, gasLimit = 30_000_000n) => ({
  baseFee,
  gasUsed,
  gasLimit,
  extraData: '0x',
})

describe('E1: the next base fee, by EIP-1559', () => {
  it.each([
    ['an empty block lowers it by an eighth', block(0n), 8_750_000_000n],
    ['a block at its target leaves it', block(15_000_000n), 10_000_000_000n],
    ['a full block raises it by an eighth', block(30_000_000n), 11_250_000_000n],
    ['a block three quarters full raises it by a sixteenth', block(22_500_000n), 10_625_000_000n],
    ['a rise is at least one wei', block(15_000_001n, 7n), 8n],
    ['a small one cannot fall by less than one', block(0n, 7n), 7n],
    ['zero rises to one', block(30_000_000n, 0n), 1n],
    ['a block that holds nothing changes nothing', block(0n, 9n, 0n), 9n],
    // geth's own vectors (consensus/misc/eip1559, TestCalcBaseFee).
    ['geth: usage at target', block(10_000_000n, GWEI, 20_000_000n), 1_000_000_000n],
    ['geth: usage below target', block(9_000_000n, GWEI, 20_000_000n), 987_500_000n],
    ['geth: usage above target', block(11_000_000n, GWEI, 20_000_000n), 1_012_500_000n],
  ])('E1: %s', (_name, parent, fee) => {
    expect(nextBaseFee(parent, ETHEREUM)).toBe(fee)
  })

  it('E1: Polygon aims at 65 % of a block and moves by a sixty-fourth (PIP-58)', () => {
    const rule = baseFeeRule(polygon, '0x')
    expect(rule && nextBaseFee(block(19_500_000n), rule)).toBe(10_000_000_000n)
    expect(rule && nextBaseFee(block(0n), rule)).toBe(9_843_750_000n)
    expect(rule && nextBaseFee(block(30_000_000n), rule)).toBe(10_084_134_615n)
  })

  it('E1: OP-stack blocks carry denominator and elasticity (Holocene)', () => {
    // 50 and 10: what op-geth's tests encode.
    const rule = baseFeeRule(base, '0x00000000320000000a')
    expect(rule).toEqual({ target: [1, 10], denominator: 50, least: '0' })
    expect(rule && nextBaseFee(block(30_000_000n), rule)).toBe(11_800_000_000n)
  })

  it('E1: and the least base fee (Jovian), below which none falls', () => {
    const rule = baseFeeRule(base, '0x01000000fa00000006000000003b9aca00')
    expect(rule).toEqual({ target: [1, 6], denominator: 250, least: '1000000000' })
    expect(rule && nextBaseFee(block(0n, GWEI), rule)).toBe(1_000_000_000n)
    expect(rule && nextBaseFee(block(0n, 2n * GWEI), rule)).toBe(1_992_000_000n)
  })

  it.each([
    ['no bytes', '0x'],
    ['a denominator of zero', '0x000000000000000006'],
    ['an elasticity of zero', '0x00000000fa00000000'],
    ['a version that is not known', '0x02000000fa00000006'],
    ['version 0 with bytes behind it', '0x00000000fa00000006ff'],
    ['version 1 without the least fee', '0x01000000fa00000006'],
    ['what a client wrote about itself', '0xd883010d05846765746888676f312e32312e36856c696e7578'],
  ])('E1: with %s the registry answers for an OP-stack chain', (_name, extraData) => {
    expect(baseFeeRule(base, extraData)).toEqual({ target: [1, 6], denominator: 250 })
  })

  it('E1: elsewhere those bytes are whatever the builder liked', () => {
    expect(baseFeeRule(ethereum, '0x00000000320000000a')).toEqual(ETHEREUM)
  })

  it('E1: only the node tells it where the registry has no rule', () => {
    expect(baseFeeRule(bnb, '0x')).toBeUndefined()
    expect(baseFeeRule(opBnb, '0x')).toBeUndefined()
  })
})

describe('E1: for every block and every rule', () => {
  const fee = fc.bigInt({ min: 0n, max: 10n ** 30n })
  const rule = fc.record({
    target: fc.constantFrom([1, 2] as const, [1, 6] as const, [65, 100] as const),
    denominator: fc.integer({ min: 1, max: 5_000 }),
  })
  const parent = fc
    .record({ baseFee: fee, gasLimit: fc.bigInt({ min: 5_000n, max: 10n ** 9n }), used: fc.nat(1_000) })
    .map(({ baseFee, gasLimit, used }) => ({
      baseFee,
      gasLimit,
      gasUsed: (gasLimit * BigInt(used)) / 1_000n,
      extraData: '0x',
    }))

  it('E1: it never falls by more than a denominator-th, nor below zero', () => {
    fc.assert(
      fc.property(parent, rule, (block, given) => {
        const least = block.baseFee - block.baseFee / BigInt(given.denominator)
        expect(nextBaseFee(block, given) >= least).toBe(true)
      }),
    )
  })

  it('E1: it never rises by more than a full block does', () => {
    fc.assert(
      fc.property(parent, rule, (block, given) => {
        const full = nextBaseFee({ ...block, gasUsed: block.gasLimit }, given)
        expect(nextBaseFee(block, given) <= full).toBe(true)
      }),
    )
  })

  it('E1: more gas used never means a lower one', () => {
    fc.assert(
      fc.property(parent, rule, fc.nat(1_000), (block, given, more) => {
        const fuller = { ...block, gasUsed: block.gasUsed + BigInt(more) }
        expect(nextBaseFee(fuller, given) >= nextBaseFee(block, given)).toBe(true)
      }),
    )
  })

  it('E1: never below the least that the chain allows', () => {
    fc.assert(
      fc.property(parent, rule, fee, (block, given, least) => {
        expect(nextBaseFee(block, { ...given, least: least.toString() }) >= least).toBe(true)
      }),
    )
  })
})
