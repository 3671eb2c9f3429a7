import * as z from 'zod'
import { defineTool } from '../src/mcp/defineTool.ts'
import { OperationOutput } from '../src/mcp/operationShape.ts'
import { param } from '../src/mcp/vocabulary.ts'

export const getOperation = defineTool({
  name: 'get_operation',
  title: 'Get an operation',
  effect: 'read',
  touchesChains: true,
  description: {
    what: 'Tells where a sent payment stands: state, transaction hashes, confirmations, fee paid, and what to do next.',
    when: 'after send_transaction until state is committed, failed or compensated (undone), and after any time-out or lost answer',
    notWhen: 'to browse history: list_operations does that',
    limits:
      'Waits at most 45 s; call again to wait longer. Step state `unknown` means unproven, not failed: never pay again because of it.',
  },
  input: z.strictObject({
    operation: param.operation,
    waitSeconds: param.waitSeconds.exactOptional(),
    until: z.enum(['included', 'final']).describe('What to wait for; default included').exactOptional(),
  }),
  output: OperationOutput,
  uses: ['operations'],
  run: ({ input, operations, caller }) => operations.get(input, caller),
})
