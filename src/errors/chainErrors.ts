import { spec } from './spec.ts'

/** Chain access: 2000 to 2999. */
export const chainErrors = {
  provider_unreachable: spec(
    2001,
    'provider',
    { afterSeconds: 5 },
    (c: { host: string; reason: string }) => ({
      message: `The endpoint ${c.host} did not answer: ${c.reason}.`,
      fix: 'Call again in a few seconds; get_status shows the health of each chain.',
    }),
  ),
  provider_throttled: spec(
    2008,
    'provider',
    { afterSeconds: 10 },
    (c: { host: string; retryAfterMs: number | undefined }) => ({
      message: `The endpoint ${c.host} takes no more calls now: its rate limit is reached${c.retryAfterMs === undefined ? '' : `, for ${Math.ceil(c.retryAfterMs / 1000)} s`}.`,
      fix: 'Call again in a few seconds; when it comes often, ask the operator to add an endpoint for this chain.',
    }),
  ),
  provider_garbage: spec(2002, 'provider', { afterSeconds: 5 }, (c: { host: string; reason: string }) => ({
    message: `The endpoint ${c.host} gave an answer that is not valid JSON-RPC: ${c.reason}.`,
    fix: 'Call again in a few seconds; get_status shows the health of each chain.',
  })),
  provider_wrong_chain: spec(
    2003,
    'provider',
    'no',
    (c: { host: string; expected: string; found: string }) => ({
      message: `The endpoint ${c.host} serves chain ${c.found}, not ${c.expected}; it is not used.`,
      fix: 'Ask the operator to correct the RPC URL of this chain; doctor checks it.',
    }),
  ),
  chain_replaced: spec(2007, 'config', 'no', (c: { name: string; recorded: string; found: string }) => ({
    message: `${c.name} is not the chain that this journal knows by that id: its first block is ${c.found}, not ${c.recorded}.`,
    fix: 'Use the journal (BURSAR_HOME) of this chain, or a new one if a test chain was started afresh.',
  })),
  provider_disagreement: spec(
    2009,
    'provider',
    { afterSeconds: 30 },
    (c: { what: string; host: string; judged: 'payload' | 'inclusion' }) => ({
      message: `Endpoints disagree about ${c.what}: ${c.host} does not confirm what another one tells of the same block. ${c.judged === 'payload' ? 'Nothing was signed.' : 'The payment was signed and sent, and is not taken for final until they agree.'}`,
      fix:
        c.judged === 'payload'
          ? 'Ask the operator which endpoint is wrong (get_status, doctor) before paying on this chain.'
          : 'Wait, and do not pay again: Bursar goes on looking (get_operation). If it persists, ask the operator which endpoint is wrong (get_status, doctor).',
    }),
  ),
  nonces_unavailable: spec(2010, 'provider', { afterSeconds: 5 }, (c: { reason: string }) => ({
    message: `No nonce can be reserved: Redis does not serve (${c.reason}), and NONCE_FALLBACK=refuse. Nothing was signed.`,
    fix: 'Call again in a few seconds. If it persists, ask the operator to mend Redis (doctor checks it) or to set NONCE_FALLBACK=journal.',
  })),
  answer_too_large: spec(2011, 'provider', 'no', (c: { method: string; host: string; most: string }) => ({
    message: `The answer of ${c.host} to ${c.method} is larger than ${c.most}; it was not read.`,
    fix: 'Ask for less in one call: fewer accounts or assets (get_balances), a contract call that returns less.',
  })),
  batch_unavailable: spec(
    2012,
    'chain',
    'no',
    (c: { name: string; env: string; at: string | undefined }) => ({
      message: `Calls cannot be batched on ${c.name}: ${c.at === undefined ? 'no Multicall3 is known there' : `there is no Multicall3 at ${c.at}`}. Nothing was prepared.`,
      fix: `Prepare each call by itself with simulate_transaction. If Multicall3 is elsewhere on that chain, ask the operator to set ${c.env}_CONTRACT_MULTICALL3.`,
    }),
  ),
  rpc_refused: spec(2004, 'chain', 'no', (c: { method: string; code: number }) => ({
    message: `The chain refused ${c.method} (code ${c.code}); its words are in quoted.`,
    fix: 'Check the arguments against the quoted reason.',
  })),
  rpc_method_missing: spec(2005, 'provider', 'no', (c: { method: string; host: string }) => ({
    message: `The endpoint ${c.host} does not offer ${c.method}.`,
    fix: 'Ask the operator for an endpoint that offers it; doctor shows what each endpoint can do.',
  })),
  send_forbidden: spec(2006, 'bug', 'no', (c: { method: string }) => ({
    message: `${c.method} was called outside the broadcaster and was refused.`,
    fix: 'Prepare with simulate_transaction and execute with send_transaction.',
  })),
} as const
