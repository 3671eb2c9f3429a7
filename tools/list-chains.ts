import * as z from 'zod'
import { defineTool } from '../src/mcp/defineTool.ts'
import { shape } from '../src/mcp/vocabulary.ts'

export const ChainListOutput = z.object({
  chains: z.array(
    z.object({
      chain: shape.chain,
      aliases: z.array(z.string()),
      network: z.enum(['mainnet', 'testnet', 'sandbox']),
      confirmations: z.number(),
      tokens: z.array(z.object({ symbol: z.string(), address: z.string(), decimals: z.number() })),
      head: shape.block.exactOptional(),
      endpoints: z.object({ healthy: z.number(), of: z.number() }).exactOptional(),
      live: z.enum(['socket', 'polling', 'idle']),
      problem: z.string().exactOptional(),
    }),
  ),
  notConfigured: z.array(z.string()),
})

export const listChains = defineTool({
  name: 'list_chains',
  title: 'List chains',
  effect: 'read',
  touchesChains: true,
  description: {
    what: 'Lists the chains you can use: CAIP-2 id, aliases, native token, listed tokens, newest block, healthy endpoints; and the ids of known chains that the operator has not configured.',
    when: 'first, to learn the ids that the other tools take',
    notWhen: 'for balances or fees: get_balances and quote_gas read those',
    limits: 'Chains in notConfigured cannot be read or paid on. sandbox=true means nothing there has value.',
  },
  input: z.strictObject({}),
  output: ChainListOutput,
  uses: ['chains'],
  run: ({ chains, caller }) => chains.list(caller),
})
