import { expect, it } from 'vitest'
import type { ChainAdapter, ChainDirectory, FeeReading } from '../../src/chains/adapter.ts'
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
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
const adapter = { chain: sandboxA, native, fees: async () => reading } as unknown as ChainAdapter
const directory = { adapter: async () => adapter } as unknown as ChainDirectory
const quotes = (maxGasPriceGwei: string) =>
  new GasQuotes(
    directory,
    new Policy({ maxGasPriceGwei, perTransaction: [], feePerTransaction: [], maxSlippagePercent: '2' }),
  )

it('D4, R12: a quote is exact, dated, and says what a plain transfer costs now and at most', async () => {
  expect(await quotes('500').quote({ chain: 'sandbox-a' }, caller())).toMatchObject({
    at: { number: '5', hash: `0x${'cd'.repeat(32)}` },
    baseFeeGwei: '20',
    nextBaseFeeGwei: '22.5',
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

it('D4: the verdict is by what the next block asks of a standard transaction, to the wei', async () => {
  const verdict = async (cap: string) => (await quotes(cap).quote({ chain: 'sandbox-a' }, caller())).cap
  expect(await verdict('23.5')).toEqual({ maxGasPriceGwei: '23.5', verdict: 'below-cap' })
  expect(await verdict('23.499999999')).toEqual({ maxGasPriceGwei: '23.499999999', verdict: 'above-cap' })
})

it('D4: room for rising fees ends at the cap, as it does when a payment is prepared', async () => {
  const { tiers } = await quotes('30').quote({ chain: 'sandbox-a' }, caller())
  expect(tiers.slow.maxFeePerGasGwei).toBe('28.125')
  expect(tiers.standard).toMatchObject({ maxFeePerGasGwei: '30', ceiling: { raw: '630000000000000' } })
  expect(tiers.fast.maxFeePerGasGwei).toBe('30')
})
