import { describe, expect, it } from 'vitest'
import { arbitrumOne } from '../../../src/chains/data/arbitrumOne.ts'
import { base } from '../../../src/chains/data/base.ts'
import { bnb } from '../../../src/chains/data/bnb.ts'
import { ethereum } from '../../../src/chains/data/ethereum.ts'
import { opBnb } from '../../../src/chains/data/opBnb.ts'
import { polygon } from '../../../src/chains/data/polygon.ts'
import type { Chain } from '../../../src/chains/types.ts'
import { readFees } from '../../../src/evm/fees/readFees.ts'

const ref = { number: '100', hash: `0x${'ab'.repeat(32)}`, timestamp: 1 }
const GWEI = 1_000_000_000
const hex = (value: number) => `0x${value.toString(16)}`
/** Block 100, half full. */
const head = (fields: object = {}) => ({
  number: '0x64',
  hash: ref.hash,
  parentHash: `0x${'00'.repeat(32)}`,
  timestamp: '0x1',
  gasLimit: hex(30_000_000),
  gasUsed: hex(15_000_000),
  baseFeePerGas: hex(10 * GWEI),
  extraData: '0x',
  ...fields,
})
/** The blocks up to number 100; the last base fee is of the one after it. */
const history = (baseFees: number[], tips: number[][], fullness: number[], chain = ethereum) =>
  readFees(
    chain,
    {
      block: head({ baseFeePerGas: hex(baseFees.at(-2) ?? 0) }),
      history: {
        oldestBlock: hex(101 - fullness.length),
        baseFeePerGas: baseFees.map(hex),
        reward: tips.map((row) => row.map(hex)),
        gasUsedRatio: fullness,
      },
    },
    'host',
  )

describe('D4: fees from a fee history', () => {
  const [CALM, FULL] = [0.5, 1]
  /** Ten blocks at 10 gwei; tips at the percentiles that are asked for. */
  const market = (fullness: number[], tips: number[][], next = 10 * GWEI) =>
    history([...Array(10).fill(10 * GWEI), next], tips, fullness, opBnb)
  const calm = Array(10).fill(CALM)
  const usual = Array(10).fill([2 * GWEI, 3 * GWEI, 5 * GWEI])

  it('D4: where blocks have room, slow and standard tip like the lowest, fast like some', () => {
    expect(market(calm, usual).tiers).toEqual({
      slow: { maxFeePerGas: '17000000000', maxPriorityFeePerGas: '2000000000' },
      standard: { maxFeePerGas: '17000000000', maxPriorityFeePerGas: '2000000000' },
      fast: { maxFeePerGas: '18000000000', maxPriorityFeePerGas: '3000000000' },
    })
  })

  it('E1: where the last ones had none, each tier tips what was paid in those', () => {
    const bidding = [
      ...usual.slice(0, 8),
      [20 * GWEI, 30 * GWEI, 50 * GWEI],
      [22 * GWEI, 33 * GWEI, 55 * GWEI],
    ]
    const { tiers } = market([...calm.slice(0, 8), FULL, FULL], bidding)
    expect(tiers.slow.maxPriorityFeePerGas).toBe('22000000000')
    expect(tiers.standard.maxPriorityFeePerGas).toBe('33000000000')
    expect(tiers.fast.maxPriorityFeePerGas).toBe('55000000000')
  })

  it('E1: once there is room again, slow stops paying for it first, fast last', () => {
    const bidding = [...usual.slice(0, 6), [20 * GWEI, 30 * GWEI, 50 * GWEI], ...usual.slice(0, 3)]
    const { tiers } = market([...calm.slice(0, 6), FULL, CALM, CALM, CALM], bidding)
    expect(tiers.slow.maxPriorityFeePerGas).toBe('2000000000')
    expect(tiers.standard.maxPriorityFeePerGas).toBe('2000000000')
    expect(tiers.fast.maxPriorityFeePerGas).toBe('50000000000')
  })

  it('E1: a next block that is cheap by chance fills: fast tips more, and less is sure', () => {
    const at = (next: number) => market(calm, usual, next)
    expect(at(9_600_000_000)).toMatchObject({
      confidence: 'high',
      tiers: { fast: { maxPriorityFeePerGas: '3000000000' } },
    })
    expect(at(9_200_000_000)).toMatchObject({
      confidence: 'medium',
      tiers: { fast: { maxPriorityFeePerGas: '5000000000' } },
    })
    expect(at(8_300_000_000)).toMatchObject({
      confidence: 'low',
      tiers: {
        slow: { maxPriorityFeePerGas: '2000000000' },
        standard: { maxPriorityFeePerGas: '3000000000' },
      },
    })
  })

  it('E1: the room for rising fees is larger where blocks are fuller', () => {
    const ceiling = (fullness: number) => market(Array(10).fill(fullness), usual).tiers.slow.maxFeePerGas
    expect(ceiling(0.3)).toBe('14500000000')
    expect(ceiling(0.5)).toBe('17000000000')
    expect(ceiling(0.9)).toBe('22000000000')
  })

  it('D4: empty blocks paid no tip, so what builders take at least is enough', () => {
    const none = [0, 0, 0]
    expect(history([7, 7, 7], [none, none], [0, 0], opBnb).tiers).toEqual({
      slow: { maxFeePerGas: '1000008', maxPriorityFeePerGas: '1000000' },
      standard: { maxFeePerGas: '1000008', maxPriorityFeePerGas: '1000000' },
      fast: { maxFeePerGas: '1000008', maxPriorityFeePerGas: '1000000' },
    })
    expect(history([7, 7, 7], [none, none], [0, 0], polygon).tiers.fast.maxPriorityFeePerGas).toBe(
      '25000000000',
    )
    expect(history([0, 0, 0], [none, none], [0, 0], bnb).tiers.slow).toEqual({
      maxFeePerGas: '50000000',
      maxPriorityFeePerGas: '50000000',
    })
  })

  it('D4: a chain without base fees and a node without rewards still get terms', () => {
    const answers = { oldestBlock: '0x64', baseFeePerGas: ['0x0', '0x0'], gasUsedRatio: [0] }
    const block = head({ baseFeePerGas: undefined })
    expect(readFees(ethereum, { block, history: answers }, 'host')).toMatchObject({
      baseFee: 0n,
      nextBaseFee: 0n,
      tiers: { slow: { maxFeePerGas: '1000000', maxPriorityFeePerGas: '1000000' } },
    })
  })

  it('E3: on Arbitrum, which charges no tip, none is offered', () => {
    const none = [0, 0, 0]
    expect(history([7, 7, 7], [none, none], [0, 0], arbitrumOne).tiers.fast).toEqual({
      maxFeePerGas: '8',
      maxPriorityFeePerGas: '0',
    })
  })

  it('E1: on a chain without base fees every tier is the price of gas', () => {
    const { baseFee: _, ...rest } = ethereum
    const legacy: Chain = { ...rest, feeModel: 'legacy' }
    const block = head({ baseFeePerGas: undefined })
    const terms = { maxFeePerGas: '5000000000', maxPriorityFeePerGas: '5000000000' }
    expect(readFees(legacy, { block, gasPrice: '0x12a05f200' }, 'host')).toMatchObject({
      baseFee: 0n,
      nextBaseFee: 0n,
      source: 'gas-price',
      confidence: 'low',
      trend: 'flat',
      tiers: { slow: terms, standard: terms, fast: terms },
    })
  })

  it('D4: congestion is the mean fullness of the last five blocks', () => {
    const congestion = (...fullness: number[]) => history([1, 1], [], fullness).congestion
    expect(congestion(1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1)).toBe('low')
    expect(congestion(0.4)).toBe('medium')
    expect(congestion(0.79)).toBe('medium')
    expect(congestion(0.8)).toBe('high')
    expect(congestion()).toBe('low')
  })

  describe('E1: the next base fee is computed and compared with the node', () => {
    const next = (told: number, oldestBlock = '0x64', block = head(), chain = ethereum) => {
      const answer = { oldestBlock, baseFeePerGas: [hex(10 * GWEI), hex(told)], gasUsedRatio: [0.5] }
      const { nextBaseFee, source } = readFees(chain, { block, history: answer }, 'host')
      return [nextBaseFee, source]
    }
    const full = head({ gasUsed: hex(30_000_000) })

    it('E1: both agree', () => expect(next(10 * GWEI)).toEqual([10_000_000_000n, 'exact']))
    it('E1: a node that tells less is not believed', () =>
      expect(next(9 * GWEI)).toEqual([10_000_000_000n, 'formula']))
    it('E1: a node that tells more is', () => expect(next(11 * GWEI)).toEqual([11_000_000_000n, 'node']))
    it('E1: a history that ends before the block is outrun by the formula', () =>
      expect(next(20 * GWEI, '0x63', full)).toEqual([11_250_000_000n, 'formula']))
    it('E1: one that goes beyond it knows more', () =>
      expect(next(8 * GWEI, '0x65', full)).toEqual([8_000_000_000n, 'node']))
    it('E1: without a rule the node is all there is', () =>
      expect(next(7, '0x64', full, opBnb)).toEqual([7n, 'node']))
    it('E1: on the OP stack the data of a block counts where it is more than its gas (Jovian)', () => {
      const jovian = { gasUsed: hex(5_000_000), extraData: '0x01000000fa000000060000000000000000' }
      const child = (blobGasUsed: string) => next(10 * GWEI, '0x63', head({ ...jovian, blobGasUsed }), base)
      expect(child(hex(15_000_000))).toEqual([10_080_000_000n, 'formula'])
      expect(child(hex(4_000_000))).toEqual([10_000_000_000n, 'formula'])
    })
    it('E1: elsewhere blobs have a price of their own', () =>
      expect(next(10 * GWEI, '0x64', head({ blobGasUsed: hex(30_000_000) }))).toEqual([
        10_000_000_000n,
        'exact',
      ]))
  })

  it.each([
    ['no object', null],
    ['no base fees', { oldestBlock: '0x64', gasUsedRatio: [] }],
    ['no block number', { baseFeePerGas: ['0x1'], gasUsedRatio: [] }],
    ['a number for a base fee', { oldestBlock: '0x64', baseFeePerGas: [1], gasUsedRatio: [] }],
    ['a negative base fee', { oldestBlock: '0x64', baseFeePerGas: ['-0x1'], gasUsedRatio: [] }],
    ['rewards that are no lists', { oldestBlock: '0x64', baseFeePerGas: ['0x1'], reward: ['0x1'] }],
    ['a base fee of more than 256 bits', { oldestBlock: '0x64', baseFeePerGas: [`0x1${'0'.repeat(64)}`] }],
  ])('F17: %s is provider_garbage', (_name, answer) => {
    expect(() => readFees(ethereum, { block: head(), history: answer }, 'host')).toThrow(
      expect.objectContaining({ code: 'provider_garbage' }),
    )
  })
})
