import * as z from 'zod'
import { defineTool } from '../src/mcp/defineTool.ts'
import { OperationOutput } from '../src/mcp/operationShape.ts'
import { param } from '../src/mcp/vocabulary.ts'

// get_operation answers the same shape and shows it in full; a client pays for one copy.
const SentOutput = OperationOutput.extend({
  steps: OperationOutput.shape.steps.meta({ outline: 'as in get_operation' }),
})

export const sendTransaction = defineTool({
  name: 'send_transaction',
  title: 'Send a prepared transaction',
  effect: 'spend',
  touchesChains: true,
  description: {
    what: 'Signs and broadcasts a prepared intent, exactly once. MOVES MONEY; cannot be undone.',
    when: 'after simulate_transaction, when its effects are what the user wants; then follow with get_operation',
    notWhen: 'for an intent you have not read, nor a second one when the outcome of the first is unclear',
    limits:
      'Calling again with the same intentId never pays twice: it returns the same operation. A time-out is not a failure: ask get_operation. `approval_needed`: a person has to approve it first.',
  },
  input: z.strictObject({ intentId: param.intentId }),
  output: SentOutput,
  uses: ['operations'],
  run: ({ input, operations, caller }) => operations.execute(input, caller),
})
