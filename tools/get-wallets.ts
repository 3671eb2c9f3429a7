import * as z from 'zod'
import { defineTool } from '../src/mcp/defineTool.ts'
import { param, shape } from '../src/mcp/vocabulary.ts'

export const WalletListOutput = z.object({
  wallets: z.array(
    z.object({
      name: z.string(),
      address: z.string(),
      kind: z.enum(['eoa', 'remote', 'smart-account']),
      owner: z.string().exactOptional(),
      chains: z.array(z.string()),
      accounts: z
        .array(z.object({ chain: z.string(), deployed: z.boolean(), deposit: shape.amount }))
        .exactOptional(),
    }),
  ),
  limits: z.array(z.string()),
})

export const getWallets = defineTool({
  name: 'get_wallets',
  title: 'Get wallets',
  effect: 'read',
  touchesChains: true,
  description: {
    what: 'Lists the wallets Bursar can pay from: name, address, usable chains, and the spending limits in force.',
    when: 'before preparing a payment, to choose `wallet`',
    notWhen: 'for balances: get_balances reads those',
    limits:
      'Keys never leave Bursar, and wallets cannot be added here. A smart-account pays its own gas, which its owner advances; its first payment on a chain deploys it.',
  },
  input: z.strictObject({ chain: param.chain.exactOptional() }),
  output: WalletListOutput,
  uses: ['wallets'],
  run: ({ input, wallets, caller }) => wallets.list(input, caller),
})
