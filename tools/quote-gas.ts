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
  source: z.enum(['exact', 'formula', 'node', 'gas-price']),
  forecast: z.object({ likelyGwei: z.array(z.string()), lowGwei: z.string(), highGwei: z.string() }),
  confidence: z.enum(['low', 'medium', 'high']),
  congestion: z.enum(['low', 'medium', 'high']),
  trend: z.enum(['falling', 'flat', 'rising']),
  waiting: z.object({
    verdict: z.enum(['likely-cheaper', 'unclear', 'likely-dearer']),
    maxFeeGwei: z.string(),
  }),
  gasLimit: z.string(),
  dataFee: shape.amount.exactOptional(),
  tiers: z.object({ slow: FeeTier, standard: FeeTier, fast: FeeTier }),
  cap: z.object({ maxGasPriceGwei: z.string(), verdict: z.enum(['below-cap', 'near-cap', 'above-cap']) }),
})

export const quoteGas = defineTool({
  name: 'quote_gas',
  title: 'Quote gas',
  effect: 'read',
  touchesChains: true,
  description: {
    what: 'Prices gas on one chain: slow, standard, fast (for 6, 3, 1 blocks), data fees included; base fees ahead; whether the cap allows them.',
    when: 'to compare chains or urgencies, or to wait: give simulate_transaction `waiting.maxFeeGwei`',
    notWhen: 'as a step of paying: that tool quotes too',
    limits: 'Ages with each block.',
  },
  input: z.strictObject({
    chain: param.chain,
    gasLimit: param.gasLimit.exactOptional(),
    dataBytes: param.dataBytes.exactOptional(),
  }),
  output: GasQuoteOutput,
  uses: ['gas'],
  run: ({ input, gas, caller }) => gas.quote(input, caller),
})
