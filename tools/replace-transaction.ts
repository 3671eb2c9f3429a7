import * as z from 'zod'
import { defineTool } from '../src/mcp/defineTool.ts'
import { param } from '../src/mcp/vocabulary.ts'
import { IntentOutput } from './simulate-transaction.ts'

export const ReplacementOutput = IntentOutput.pick({
  intentId: true,
  status: true,
  to: true,
  amount: true,
  fees: true,
  expiresAt: true,
  next: true,
}).extend({
  replaces: z.object({
    operationId: z.string(),
    kind: z.enum(['speed_up', 'cancel']),
    nonce: z.string().exactOptional(),
  }),
})

export const replaceTransaction = defineTool({
  name: 'replace_transaction',
  title: 'Speed up or cancel a transaction',
  effect: 'prepare',
  touchesChains: true,
  description: {
    what: 'Prepares another transaction or user operation at the nonce of one not included: the same with higher fees (speed_up), or one that moves nothing (cancel). Returns an intent; nothing moves.',
    when: 'when get_operation shows `sent` for long, or `stuck`; then pass intentId to send_transaction',
    notWhen: 'to pay again: never needed. What is included cannot be replaced',
    limits:
      'Either may be included, never both; get_operation tells. What waits for fees it cancels at once.',
  },
  input: z.strictObject({
    operation: param.operation,
    kind: z.enum(['speed_up', 'cancel']),
    urgency: param.urgency.describe('Fee tier as in quote_gas; default fast').exactOptional(),
    idempotencyKey: param.idempotencyKey,
  }),
  output: ReplacementOutput,
  uses: ['replacements'],
  run: ({ input, replacements, caller }) => replacements.prepare(input, caller),
})
