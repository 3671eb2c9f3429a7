import * as z from 'zod'
import { defineTool } from '../src/mcp/defineTool.ts'
import { param, shape } from '../src/mcp/vocabulary.ts'

const FeeTier = z
  .object({
    maxFeePerGasGwei: z.string(),
    maxPriorityFeePerGasGwei: z.string(),
    expected: shape.amount,
    ceiling: shape.amount,
  })
  .meta({ id: 'tier' })

export const GasQuoteOutput = z.object({
  chain: shape.chain,
  at: shape.block,
  baseFeeGwei: z.string(),
  nextBaseFeeGwei: z.string(),
  congestion: z.enum(['low', 'medium', 'high']),
  trend: z.enum(['falling', 'flat', 'rising']),
  gasLimit: z.string(),
  tiers: z.object({ slow: FeeTier, standard: FeeTier, fast: FeeTier }),
  cap: z.object({ maxGasPriceGwei: z.string(), verdict: z.enum(['below-cap', 'above-cap']) }),
})

export const quoteGas = defineTool({
  name: 'quote_gas',
  title: 'Quote gas',
  effect: 'read',
  touchesChains: true,
  description: {
    what: 'Prices gas on one chain now: slow, standard and fast fees (expected cost and ceiling), base fee of the next block, congestion, trend, and whether fees are below the operator cap.',
    when: 'to compare chains or urgencies, or to decide whether to wait',
    notWhen: 'as a step of paying: simulate_transaction quotes the exact payment itself',
    limits: 'A quote binds nobody and ages with the next block.',
  },
  input: z.strictObject({ chain: param.chain, gasLimit: param.gasLimit.exactOptional() }),
  output: GasQuoteOutput,
  uses: ['gas'],
  run: ({ input, gas, caller }) => gas.quote(input, caller),
})
