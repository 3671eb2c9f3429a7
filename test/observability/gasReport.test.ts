import { expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { createRegistry } from '../../src/chains/registry.ts'
import { tokenFunctionName } from '../../src/evm/calls/tokenCalls.ts'
import { gasFigures } from '../../src/observability/gasFigures.ts'
import { gasReport } from '../../src/observability/gasReport.ts'
import type { GasUseRow } from '../../src/store/schema.ts'
import { USDC } from '../support/engine.ts'

const chain = createRegistry(allChains, []).resolve('sandbox-a')
const TRANSFER = { contract: USDC, selector: '0xa9059cbb' }
const OTHER = { contract: '0x00000000000000000000000000000000000000C0', selector: '0x12345678' }
const NATIVE = { contract: '', selector: '' }

let made = 0
/** Ten gwei was suggested and nine were paid, for 50,000 gas. */
const use = (differs: Partial<GasUseRow> = {}): GasUseRow => ({
  ...{ step_id: `s${made++}`, chain: chain.id, ...TRANSFER },
  ...{ gas_used: '50000', gas_limit: '60000', gas_price: '9000000000', fee_paid: '450000000000000' },
  ...{ succeeded: 1, suggested: '10000000000', pace: 'standard', waited: 1, at: '2026-01-01T00:00:00.000Z' },
  ...differs,
})
const times = (count: number, differs: Partial<GasUseRow> = {}) =>
  Array.from({ length: count }, () => use(differs))

async function report(...uses: GasUseRow[][]) {
  const figures = await gasFigures(
    (async function* () {
      yield* uses.flat()
    })(),
  )
  const own = figures.get(chain.id)
  if (!own) throw new Error('nothing was paid')
  return gasReport(chain, own, tokenFunctionName)
}

const ETHER = { asset: 'eip155:31337/slip44:1', symbol: 'ETH' }

it('E6: what was paid, what it saved against the suggestion of the node, and where', async () => {
  expect(
    await report(
      times(3),
      times(2, { ...NATIVE, gas_used: '21000', fee_paid: '189000000000000' }),
      times(1, OTHER),
      times(1, { chain: 'eip155:31338' }),
    ),
  ).toEqual({
    transactions: 6,
    succeeded: 6,
    paid: { ...ETHER, raw: '2178000000000000', display: '0.002178' },
    saved: { ...ETHER, raw: '242000000000000', display: '0.000242' },
    best: [
      'USDC transfer: ~0.00015 ETH',
      '0x00000000000000000000000000000000000000C0 0x12345678: ~0.00005 ETH',
    ],
  })
})

it('E6: fees that the chain takes besides gas are paid, and neither saved nor lost', async () => {
  const withData = use({ fee_paid: '460000000000000' })
  expect(await report([withData])).toMatchObject({
    paid: { display: '0.00046' },
    saved: { display: '0.00005' },
  })
})

it('E6: what no node suggested a price for is paid, and compared with nothing', async () => {
  expect(await report(times(2, { suggested: null }))).toEqual({
    transactions: 2,
    succeeded: 2,
    paid: { ...ETHER, raw: '900000000000000', display: '0.0009' },
  })
})

it('E6: paying more than nodes suggest is told as such, with what is cheaper', async () => {
  const dear = { gas_price: '12000000000', pace: 'fast' } as const
  const { saved, best, advice } = await report(times(4, dear), times(1))
  expect(saved).toEqual({ ...ETHER, raw: '-350000000000000', display: '-0.00035' })
  expect(best).toBeUndefined()
  expect(advice).toEqual(['fast paid ~0.0004 ETH above suggestions: use urgency standard where time allows.'])
  expect((await report(times(4, dear))).advice).toBeUndefined()
  const waited = await report(times(5, { ...dear, pace: 'slow' }))
  expect(waited.advice?.[0]).toContain('slow paid ~0.0005 ETH above')
  expect(waited.advice?.[0]).toContain('use maxFeeGwei where time allows')
})

it('E6: many that revert are worth a word, a few are not', async () => {
  const reverted = { ...OTHER, succeeded: 0 }
  const { succeeded, advice } = await report(times(20), times(3, reverted))
  expect(succeeded).toBe(20)
  expect(advice).toEqual([
    '3 of 23 reverted for ~0.00135 ETH, mostly 0x00000000000000000000000000000000000000C0 0x12345678: see list_operations.',
  ])
  expect((await report(times(20), times(2, reverted))).advice).toBeUndefined()
  expect((await report(times(28), times(3, reverted))).advice).toBeUndefined()
})

it('E6: fast is advised against where slow is included as quickly, and nowhere else', async () => {
  const fast = times(5, { pace: 'fast' })
  const { advice } = await report(fast, times(3, { pace: 'slow' }), times(1, { pace: 'slow', waited: 2 }))
  expect(advice).toEqual(['slow took 1.3 blocks, fast 1.0: use urgency slow.'])
  expect((await report(fast, times(4, { pace: 'slow', waited: 2 }))).advice).toBeUndefined()
  expect((await report(fast, times(2, { pace: 'slow' }))).advice).toBeUndefined()
  expect((await report(fast, times(3, { pace: 'slow', waited: null }))).advice).toBeUndefined()
  expect((await report(fast, times(5, { pace: 'slow' }))).advice).toBeUndefined()
})

it('E6: waits that paid off are told, and those that did not are not', async () => {
  expect((await report(times(3, { pace: 'wait', suggested: '10000012345' }))).advice).toEqual([
    'Waiting for lower fees saved ~0.00015 ETH on 3: use maxFeeGwei where time allows.',
  ])
  expect((await report(times(3, { pace: 'wait', gas_price: '10000000000' }))).advice).toBeUndefined()
  expect((await report(times(2, { pace: 'wait' }))).advice).toBeUndefined()
})

it('E6: limits far above use are told of calls that succeeded, not of plain transfers', async () => {
  const wide = { gas_limit: '120000' }
  expect((await report(times(5, wide))).advice).toEqual([
    'Gas limits of calls were 2.4 times what they used: a wallet needs fees.ceiling, and most of it comes back.',
  ])
  expect((await report(times(4, wide))).advice).toBeUndefined()
  expect((await report(times(5, { gas_limit: '99999' }))).advice).toBeUndefined()
  expect((await report(times(5, { ...wide, ...NATIVE }))).advice).toBeUndefined()
  expect((await report(times(4, wide), times(2, { ...wide, succeeded: 0 }))).advice).toBeUndefined()
})

it('E6: two chains with all that there is to say take about 250 tokens', async () => {
  const worst = await report(
    times(9, { succeeded: 0, fee_paid: '451234567890123' }),
    times(40, { pace: 'fast', gas_price: '12345678901' }),
    times(9, { ...NATIVE, pace: 'slow' }),
    times(9, OTHER),
  )
  expect([worst.advice?.length, worst.best?.length]).toEqual([2, 2])
  expect((2 * JSON.stringify(worst).length) / 4).toBeLessThanOrEqual(260)
})
