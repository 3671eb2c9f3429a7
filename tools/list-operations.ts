import * as z from 'zod'
import { defineTool } from '../src/mcp/defineTool.ts'
import { param, shape } from '../src/mcp/vocabulary.ts'

export const OperationPageOutput = z.object({
  operations: z.array(
    z.object({
      operationId: z.string(),
      idempotencyKey: z.string(),
      state: shape.operationState,
      chain: shape.chain,
      wallet: shape.wallet,
      to: z.string(),
      amount: shape.amount,
      calls: z.number().exactOptional(),
      hash: z.string().exactOptional(),
      userOperationHash: z.string().exactOptional(),
      createdAt: z.string(),
    }),
  ),
  nextCursor: z.string().exactOptional(),
})

export const listOperations = defineTool({
  name: 'list_operations',
  title: 'List operations',
  effect: 'read',
  touchesChains: false,
  description: {
    what: 'Lists payments made through Bursar, newest first.',
    when: 'to find a payment whose id was lost, or to check what was already paid before paying',
    notWhen: 'to wait for a payment: get_operation does that',
    limits: "Shows only Bursar's own operations, as last recorded.",
  },
  input: z.strictObject({
    chain: param.chain.exactOptional(),
    wallet: param.wallet.exactOptional(),
    state: shape.operationState.exactOptional(),
    limit: param.limit.exactOptional(),
    cursor: param.cursor.exactOptional(),
  }),
  output: OperationPageOutput,
  uses: ['operations'],
  run: ({ input, operations, caller }) => operations.list(input, caller),
})
