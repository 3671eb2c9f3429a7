import * as z from 'zod'
import { defineTool } from '../src/mcp/defineTool.ts'
import { shape } from '../src/mcp/vocabulary.ts'

export const StatusOutput = z.object({
  version: z.string(),
  uptimeSeconds: z.number(),
  sandbox: z.boolean(),
  chains: z.array(
    z.object({
      chain: shape.chain,
      endpoints: z
        .array(
          z.object({
            host: z.string(),
            reachable: z.boolean(),
            latencyMs: z.number().exactOptional(),
            state: z.enum(['healthy', 'lagging', 'open', 'probing', 'wrong-chain']),
            errorRate: z.number(),
            lag: z.number().exactOptional(),
            rate: z.number().exactOptional(),
            problem: z.string().exactOptional(),
          }),
        )
        .meta({
          outline:
            'host, reachable, latencyMs, state (healthy, lagging, open, probing, wrong-chain), errorRate, lag, rate, problem',
        }),
      head: shape.block.exactOptional(),
      problem: z.string().exactOptional(),
      live: z.enum(['socket', 'polling', 'idle']),
      socket: z
        .object({
          host: z.string(),
          connected: z.boolean(),
          uptime: z.number(),
          problem: z.string().exactOptional(),
        })
        .exactOptional(),
      foreignUse: z
        .array(z.object({ wallet: z.string(), times: z.number(), lastNonce: z.string(), lastAt: z.string() }))
        .meta({ outline: 'wallet, times, lastNonce, lastAt' })
        .exactOptional(),
      fees30d: z
        .object({
          transactions: z.number(),
          succeeded: z.number(),
          paid: shape.amount,
          saved: shape.amount.exactOptional(),
          best: z.array(z.string()).exactOptional(),
          advice: z.array(z.string()).exactOptional(),
        })
        .exactOptional(),
    }),
  ),
  operations: z.object({
    running: z.number(),
    committed: z.number(),
    failed: z.number(),
    stuck: z.number(),
    compensated: z.number(),
  }),
  halts: z
    .array(
      z.object({
        wallet: z.string().exactOptional(),
        chain: z.string().exactOptional(),
        reason: z.string(),
        since: z.string(),
      }),
    )
    .meta({ outline: 'wallet, chain, reason, since' })
    .exactOptional(),
  journal: z.object({ writable: z.boolean(), problem: z.string().exactOptional() }),
  cache: z.object({ size: z.number(), hits: z.number(), misses: z.number(), evictions: z.number() }),
  redis: z.enum(['up', 'down']).exactOptional(),
  alerts: z
    .array(
      z.object({
        ...{ code: z.enum(['low-balance']), chain: z.string(), wallet: z.string() },
        ...{ message: z.string(), since: z.string() },
      }),
    )
    .meta({ outline: 'code, chain, wallet, message, since' })
    .exactOptional(),
  warnings: z.array(z.string()),
})

export const getStatus = defineTool({
  name: 'get_status',
  title: 'Get status',
  effect: 'read',
  touchesChains: true,
  description: {
    what: "Reports Bursar's own health (endpoints, sockets, journal, operations by state, halts, warnings), and in fees30d what fees saved against nodes' suggestions (negative: lost), with advice.",
    when: 'when another tool answered with a provider or config error, or to pay lower fees',
    notWhen: 'before each payment: simulate_transaction checks what it needs',
    limits: 'It repairs nothing.',
  },
  input: z.strictObject({}),
  output: StatusOutput,
  uses: ['status'],
  run: ({ status, caller }) => status.read(caller),
})
