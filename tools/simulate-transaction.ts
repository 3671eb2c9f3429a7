import * as z from 'zod'
import { defineTool } from '../src/mcp/defineTool.ts'
import { param, shape } from '../src/mcp/vocabulary.ts'

export const IntentOutput = z.object({
  intentId: z.string(),
  status: z.enum(['ready', 'needs_approval', 'denied', 'executed', 'expired']),
  chain: shape.chain,
  wallet: shape.wallet,
  to: z.string(),
  names: z
    .array(
      z.object({
        field: z.string(),
        name: z.string(),
        by: z.enum(['contact', 'ens']),
        address: z.string(),
        block: z.string().exactOptional(),
      }),
    )
    .meta({ outline: 'field, name, by (contact, ens), address, block' })
    .exactOptional(),
  amount: shape.amount,
  function: z.string().exactOptional(),
  batch: z
    .object({
      calls: z.number(),
      saved: z.object({ gas: z.string(), amount: shape.amount }).exactOptional(),
    })
    .exactOptional(),
  first: z.array(z.string()).exactOptional(),
  gasLimit: z.string(),
  route: z.enum(['public', 'private']),
  gasLimitBasis: z
    .object({ source: z.enum(['estimate', 'learned']), confidence: z.enum(['low', 'medium', 'high']) })
    .exactOptional(),
  fees: z.object({
    expected: shape.amount,
    ceiling: shape.amount,
    maxFeePerGasGwei: z.string(),
    maxPriorityFeePerGasGwei: z.string(),
  }),
  simulation: z.object({
    backend: z.string(),
    block: shape.block,
    gasUsed: z.string(),
    effects: z
      .array(
        z.object({
          kind: z.enum(['transfer', 'approval', 'operator']),
          from: z.string(),
          to: z.string(),
          amount: shape.amount,
        }),
      )
      .meta({ outline: 'kind (transfer, approval, operator), from, to, amount' }),
    moreEffects: z.number().exactOptional(),
    skipped: z.array(z.string()).exactOptional(),
    findings: z
      .array(
        z.object({ code: z.string(), severity: z.enum(['critical', 'warning', 'info']), detail: z.string() }),
      )
      .meta({ outline: 'code, severity (critical, warning, info), detail' })
      .exactOptional(),
  }),
  verdict: z.object({ decision: z.enum(['allow', 'needs_approval']), rules: z.array(z.string()) }),
  approval: z
    .object({
      state: z.enum(['pending', 'approved', 'denied', 'used']),
      why: z.array(z.string()),
      command: z.string(),
      reason: z.string().exactOptional(),
    })
    .exactOptional(),
  idempotencyKey: z.string(),
  digest: z.string(),
  expiresAt: z.string(),
  operationId: z.string().exactOptional(),
  next: z.string(),
})

export const simulateTransaction = defineTool({
  name: 'simulate_transaction',
  title: 'Simulate and prepare a transaction',
  effect: 'prepare',
  touchesChains: true,
  description: {
    what: 'Prepares a payment or contract call: simulates it on the chain, checks funds and policy, and returns an intent with its id, every balance change in `simulation.effects`, and its fees. Nothing moves.',
    when: 'as the first step of every payment; compare the effects with what was asked, then pass intentId to send_transaction',
    notWhen: 'to read balances or fees: get_balances and quote_gas do that',
    limits:
      'A transfer needs `to` and `amount` (native unless `asset` is given). A call needs `to` with `function` and `args`, or `data`; its `amount` is native tokens to attach, or with `asset` tokens that it takes (approved exactly, first). Intents expire at expiresAt; the same key and arguments return the same intent.',
  },
  input: z.strictObject({
    chain: param.chain,
    wallet: param.wallet,
    to: param.address.exactOptional(),
    amount: param.amount.exactOptional(),
    asset: param.asset.exactOptional(),
    function: param.functionSignature.exactOptional(),
    args: param.functionArgs.exactOptional(),
    data: param.calldata.exactOptional(),
    calls: param.calls.exactOptional(),
    contractAccount: param.contractAccount.exactOptional(),
    urgency: param.urgency.exactOptional(),
    maxFeeGwei: param.maxFeeGwei.exactOptional(),
    waitHours: param.waitHours.exactOptional(),
    route: param.route.exactOptional(),
    idempotencyKey: param.idempotencyKey,
  }),
  output: IntentOutput,
  uses: ['intents'],
  run: ({ input, intents, caller }) => intents.prepare(input, caller),
})
