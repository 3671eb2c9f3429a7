import * as z from 'zod'
import { shape } from './vocabulary.ts'

/** An operation as send_transaction and get_operation answer it. */
export const OperationOutput = z.object({
  operationId: z.string(),
  intentId: z.string(),
  idempotencyKey: z.string(),
  state: shape.operationState,
  sideEffect: z.enum(['none', 'possible', 'done']),
  steps: z.array(
    z.object({
      role: z.enum(['approval', 'reset', 'undo']).exactOptional(),
      chain: shape.chain,
      wallet: shape.wallet,
      to: z.string(),
      amount: shape.amount,
      calls: z.number().exactOptional(),
      state: z.enum([
        'queued',
        'reserved',
        'signed',
        'sent',
        'included',
        'safe',
        'final',
        'reverted',
        'replaced',
        'dropped',
        'unknown',
        'failed',
      ]),
      nonce: z.string().exactOptional(),
      attempts: z.array(
        z.object({
          hash: z.string().exactOptional(),
          userOperationHash: z.string().exactOptional(),
          kind: z.enum(['original', 'speed_up', 'cancel']),
          state: z.enum(['signed', 'sent', 'included', 'superseded']),
          explorerUrl: z.string().exactOptional(),
        }),
      ),
      confirmations: z.number(),
      requiredConfirmations: z.number(),
      includedIn: z.object({ number: z.string(), hash: z.string() }).exactOptional(),
      gasUsed: z.string().exactOptional(),
      feePaid: shape.amount.exactOptional(),
      note: z.string().exactOptional(),
    }),
  ),
  createdAt: z.string(),
  updatedAt: z.string(),
  next: z.string(),
})
