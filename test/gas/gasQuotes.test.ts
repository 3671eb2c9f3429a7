import { expect, it } from 'vitest'
import {
  type ChainAdapter,
  type FeeReading,
  NO_SURCHARGE,
  type PayloadShape,
  type Surcharge,
} from '../../src/chains/adapter.ts'
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
import type { ChainDirectory } from '../../src/chains/directory.ts'
import { GasQuotes } from '../../src/gas/gasQuotes.ts'
import { Policy } from '../../src/policy/policy.ts'
import { caller } from '../support/engine.ts'

const reading: FeeReading = {
  block: { number: '5', hash: `0x${'cd'.repeat(32)}`, timestamp: 7 },
  baseFee: 20_000_000_000n,
  nextBaseFee: 22_500_000_000n,
  source: 'exact',
  forecast: [
    { low: 22_500_000_000n, likely: 22_500_000_000n, high: 22_500_000_000n },
    { low: 21_000_000_000n, likely: 23_000_000_000n, high: 25_000_000_000n },
  ],
  confidence: 'high',
  congestion: 'high',
  trend: 'rising',
  tiers: {
    slow: { maxFeePerGas: '28125000000', maxPriorityFeePerGas: '1000000' },
    standard: { maxFeePerGas: '46000000000', maxPriorityFeePerGas: '1000000000' },
    fast: { maxFeePerGas: '70500000000', maxPriorityFeePerGas: '3000000000' },
  },
}
const native = { id: 'eip155:31337/slip44:1', decimals: 18, symbol: 'ETH' }
const adapterOf = (fees: FeeReading, surcharge: Surcharge = NO_SURCHARGE) =>
  ({
    chain: sandboxA,
    native,
    price: async ({ gasLimit = 21_000n }: PayloadShape) => ({
      fees,
      gas: gasLimit,
      surcharge,
      dataFee: surcharge.expected,
    }),
  }) as unknown as ChainAdapter
const quotes = (maxGasPriceGwei: string, adapter = adapterOf(reading)) =>
  new GasQuotes(
    { adapter: async () => adapter } as unknown as ChainDirectory,
    new Policy({
      ...{ maxGasPriceGwei, perTransaction: [], feePerTransaction: [] },
      ...{ maxSlippagePercent: '2', findingsAllowed: [] },
    }),
  )

it('D4, R12: a quote is exact, dated, and says what a plain transfer costs now and at most', async () => {
  expect(await quotes('500').quote({ chain: 'sandbox-a' }, caller())).toMatchObject({
    at: { number: '5', hash: `0x${'cd'.repeat(32)}` },
    baseFeeGwei: '20',
    nextBaseFeeGwei: '22.5',
    source: 'exact',
    forecast: { likelyGwei: ['23'], lowGwei: '21', highGwei: '25' },
    confidence: 'high',
    waiting: { verdict: 'unclear', maxFeeGwei: '21.826' },
    congestion: 'high',
    trend: 'rising',
    gasLimit: '21000',
    tiers: {
      slow: {
        maxFeePerGasGwei: '28.125',
        maxPriorityFeePerGasGwei: '0.001',
        expected: { raw: '472521000000000' },
        ceiling: { raw: '590625000000000' },
      },
      standard: {
        expected: { raw: '493500000000000', display: '0.0004935' },
        ceiling: { raw: '966000000000000' },
      },
      fast: { expected: { raw: '535500000000000' }, ceiling: { raw: '1480500000000000' } },
    },
  })
})

it('R8: gas beyond 2^53 is priced to the wei', async () => {
  const { tiers } = await quotes('500').quote({ chain: 'sandbox-a', gasLimit: '9007199254740993' }, caller())
  expect(tiers.standard.ceiling.raw).toBe('414331165718085678000000000')
})

it('E4, D4: the verdict is by what the next block asks of a standard transaction, to the wei', async () => {
  const verdict = async (cap: string) => (await quotes(cap).quote({ chain: 'sandbox-a' }, caller())).cap
  expect(await verdict('46')).toEqual({ maxGasPriceGwei: '46', verdict: 'below-cap' })
  expect(await verdict('45.999999999')).toEqual({ maxGasPriceGwei: '45.999999999', verdict: 'near-cap' })
  expect(await verdict('23.5')).toEqual({ maxGasPriceGwei: '23.5', verdict: 'near-cap' })
  expect(await verdict('23.499999999')).toEqual({ maxGasPriceGwei: '23.499999999', verdict: 'above-cap' })
})

it('E4: waiting is advised by the base fee six blocks ahead, three per cent away', async () => {
  const waiting = async (likely: bigint) => {
    const forecast = [{ low: likely - 1_000_000_000n, likely, high: likely }]
    const fees = { ...reading, nextBaseFee: 100_000_000_000n, forecast }
    return (await quotes('500', adapterOf(fees)).quote({ chain: 'sandbox-a' }, caller())).waiting
  }
  expect(await waiting(96_999_999_999n)).toEqual({ verdict: 'likely-cheaper', maxFeeGwei: '97.000999999' })
  expect(await waiting(97_000_000_000n)).toEqual({ verdict: 'unclear', maxFeeGwei: '97.001' })
  expect(await waiting(103_000_000_000n)).toEqual({ verdict: 'unclear', maxFeeGwei: '97.001' })
  expect(await waiting(103_000_000_001n)).toEqual({ verdict: 'likely-dearer', maxFeeGwei: '97.001' })
})

it('E3: what the chain takes besides gas is in every tier, and told apart', async () => {
  const op = quotes('500', adapterOf(reading, { expected: 1_000n, ceiling: 3_000n }))
  const { tiers, dataFee } = await op.quote({ chain: 'sandbox-a' }, caller())
  expect(dataFee).toMatchObject({ raw: '1000' })
  expect(tiers.slow).toMatchObject({
    expected: { raw: '472521000001000' },
    ceiling: { raw: '590625000003000' },
  })
  expect(await quotes('500').quote({ chain: 'sandbox-a' }, caller())).not.toHaveProperty('dataFee')
})

it('D4: room for rising fees ends at the cap, as it does when a payment is prepared', async () => {
  const { tiers } = await quotes('30').quote({ chain: 'sandbox-a' }, caller())
  expect(tiers.slow.maxFeePerGasGwei).toBe('28.125')
  expect(tiers.standard).toMatchObject({ maxFeePerGasGwei: '30', ceiling: { raw: '630000000000000' } })
  expect(tiers.fast.maxFeePerGasGwei).toBe('30')
})
