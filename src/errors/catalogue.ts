import type { ErrorKind, Retry } from './kinds.ts'

interface Words {
  /** One sentence: what is wrong, with the values that matter. */
  readonly message: string
  /** Imperative: what to do next, naming the tool or the setting. */
  readonly fix: string
}

interface ErrorSpec<Context> {
  /** Stable number, in a range per layer; never reused. */
  readonly number: number
  readonly kind: ErrorKind
  readonly retry: Retry
  readonly words: (context: Context) => Words
}

const spec = <Context>(
  number: number,
  kind: ErrorKind,
  retry: Retry,
  words: (context: Context) => Words,
): ErrorSpec<Context> => ({ number, kind, retry, words })

const list = (values: readonly string[]) => values.join(', ')

/**
 * Every error that a caller can see. Ranges: 1000 input and config, 2000 chain access, 3000 wallets,
 * 4000 simulation and policy, 5000 intents and operations, 6000 journal, 9000 bugs.
 */
export const errorCatalogue = {
  input_invalid: spec(1001, 'input', 'no', (c: { tool: string; problems: readonly string[] }) => ({
    message: `The arguments of ${c.tool} are not valid: ${c.problems.join('; ')}.`,
    fix: `Correct these arguments and call ${c.tool} again.`,
  })),
  chain_unknown: spec(1002, 'input', 'no', (c: { given: string; known: readonly string[] }) => ({
    message: `"${c.given}" is not a chain that Bursar knows.`,
    fix: `Use one of: ${list(c.known)}. list_chains shows them.`,
  })),
  chain_not_configured: spec(
    1003,
    'config',
    'no',
    (c: { name: string; env: string; usable: readonly string[] }) => ({
      message: `${c.name} is known, but no RPC endpoint is configured for it.`,
      fix: `Use a configured chain (${list(c.usable)}), or ask the operator to set ${c.env}_RPC_URL.`,
    }),
  ),
  address_invalid: spec(1004, 'input', 'no', (c: { field: string; given: string; reason: string }) => ({
    message: `${c.field} "${c.given}" is not a usable address: ${c.reason}.`,
    fix: 'Ask for the address again and copy it exactly; do not change its capital letters.',
  })),
  amount_invalid: spec(1005, 'input', 'no', (c: { given: string; reason: string; decimals: number }) => ({
    message: `Amount "${c.given}" is not usable: ${c.reason}.`,
    fix: `Give a positive decimal string in whole units with at most ${c.decimals} decimals, such as "1.5".`,
  })),
  asset_unknown: spec(1006, 'input', 'no', (c: { given: string; known: readonly string[] }) => ({
    message: `"${c.given}" is not an asset on this chain.`,
    fix: `Use "native", a token contract address, or one of: ${list(c.known)}.`,
  })),
  recipient_refused: spec(1007, 'input', 'no', (c: { given: string; reason: string }) => ({
    message: `${c.given} cannot receive this payment: ${c.reason}.`,
    fix: 'Ask for the recipient again. Nothing was prepared.',
  })),
  call_invalid: spec(1008, 'input', 'no', (c: { reason: string }) => ({
    message: `The contract call is not valid: ${c.reason}.`,
    fix: 'Give function as "name(type,type)" with one argument per type, or data as 0x-prefixed calldata, not both.',
  })),
  cursor_invalid: spec(1009, 'input', 'no', () => ({
    message: 'The cursor is not one that list_operations returned.',
    fix: 'Call list_operations without a cursor to start again from the newest operation.',
  })),
  config_invalid: spec(1101, 'config', 'no', (c: { problems: readonly string[] }) => ({
    message: `The configuration has ${c.problems.length} problem(s):\n- ${c.problems.join('\n- ')}`,
    fix: 'Correct these environment variables and start again; .env.example documents all of them.',
  })),
  sandbox_unavailable: spec(1102, 'config', 'no', (c: { reason: string }) => ({
    message: `The sandbox is not usable: ${c.reason}.`,
    fix: 'Correct that and start again, or configure real chains through *_RPC_URL; doctor checks both.',
  })),
  sandbox_missing: spec(1103, 'config', 'no', (c: { reason: string }) => ({
    message: `The sandbox is not installed: ${c.reason}.`,
    fix: 'Install it with "npm install @foundry-rs/anvil@1.7.1", or configure real chains through *_RPC_URL.',
  })),
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
  wallet_unknown: spec(3001, 'input', 'no', (c: { given: string; known: readonly string[] }) => ({
    message: `"${c.given}" is not a wallet that Bursar manages on this chain.`,
    fix: `Use one of: ${list(c.known)}. get_wallets shows them.`,
  })),
  receipt_refused: spec(3002, 'bug', 'same', (c: { reason: string }) => ({
    message: `The payload was not signed: ${c.reason}.`,
    fix: 'Call simulate_transaction again and execute the new intent.',
  })),
  insufficient_funds: spec(
    4001,
    'chain',
    'no',
    (c: {
      wallet: string
      asset: string
      needed: string
      available: string
      shortfall: string
      detail: string
    }) => ({
      message: `${c.wallet} needs ${c.needed} ${c.asset} and has ${c.available}: ${c.shortfall} ${c.asset} short (${c.detail}).`,
      fix: `Fund ${c.wallet} with at least ${c.shortfall} ${c.asset}, or lower the amount, then call simulate_transaction again.`,
    }),
  ),
  simulation_reverted: spec(4002, 'chain', 'no', (c: { reason: string }) => ({
    message: `The simulation reverted: ${c.reason}. Nothing was prepared.`,
    fix: 'Correct the call or the state it depends on, then call simulate_transaction again.',
  })),
  simulation_unavailable: spec(4003, 'provider', { afterSeconds: 10 }, (c: { reason: string }) => ({
    message: `No simulator answered, so nothing can be signed: ${c.reason}.`,
    fix: 'Call again later. If it persists, ask the operator to run doctor.',
  })),
  policy_denied: spec(4004, 'policy', 'no', (c: { rule: string; reason: string }) => ({
    message: `Policy ${c.rule} denies this: ${c.reason}.`,
    fix: 'Stay within the limit, or ask the operator to change it. Do not split the payment to get around it.',
  })),
  gas_price_above_cap: spec(4005, 'policy', { afterSeconds: 60 }, (c: { price: string; cap: string }) => ({
    message: `The network asks ${c.price} gwei per gas, above the cap of ${c.cap} gwei (MAX_GAS_PRICE_GWEI).`,
    fix: 'Wait until fees fall (quote_gas shows the trend), then call again.',
  })),
  fees_moved: spec(4006, 'chain', 'no', (c: { needed: string; agreed: string }) => ({
    message: `The next block asks ${c.needed} gwei per gas, more than the ${c.agreed} gwei that this intent allows.`,
    fix: 'Call simulate_transaction again with the same arguments and idempotencyKey: it renews this intent at the new price.',
  })),
  effects_changed: spec(4007, 'chain', 'no', (c: { what: string }) => ({
    message: `Simulated again, this does worse than what was shown: ${c.what}. Nothing was signed.`,
    fix: 'Call simulate_transaction again with the same arguments and idempotencyKey, and check the effects before executing. If they keep changing, the contract may treat simulations differently: do not pay it.',
  })),
  gas_above_block: spec(4008, 'chain', 'no', (c: { gas: string; limit: string }) => ({
    message: `It needs ${c.gas} gas, and a block of this chain takes ${c.limit}. Nothing was signed.`,
    fix: 'Split the call into smaller ones, then call simulate_transaction for each.',
  })),
  effects_too_many: spec(4009, 'chain', 'no', (c: { found: string; limit: string }) => ({
    message: `Simulated, it makes ${c.found}, more than the ${c.limit} that can be judged. Nothing was signed.`,
    fix: 'Split the call into smaller ones, or ask the operator whether this contract can be trusted.',
  })),
  surcharge_moved: spec(4010, 'chain', 'no', (c: { needed: string; agreed: string; asset: string }) => ({
    message: `The chain takes ${c.needed} ${c.asset} besides gas by now, more than the ${c.agreed} ${c.asset} that this intent allows. Nothing was signed.`,
    fix: 'Call simulate_transaction again with the same arguments and idempotencyKey: it renews this intent at the new price.',
  })),
  intent_changed: spec(5005, 'bug', 'no', (c: { intentId: string }) => ({
    message: `Intent ${c.intentId} is not what was prepared: its digest does not match. Nothing was signed.`,
    fix: 'Prepare the payment again with a new idempotencyKey and report this to the operator.',
  })),
  intent_unknown: spec(5001, 'input', 'no', (c: { intentId: string }) => ({
    message: `There is no intent ${c.intentId}.`,
    fix: 'Call simulate_transaction and pass the intentId that it returns.',
  })),
  intent_expired: spec(5002, 'input', 'no', (c: { intentId: string; expiredAt: string }) => ({
    message: `Intent ${c.intentId} expired at ${c.expiredAt}; nothing was sent.`,
    fix: 'Call simulate_transaction again with the same arguments and idempotencyKey: it renews this intent.',
  })),
  idempotency_conflict: spec(
    5003,
    'input',
    'no',
    (c: { key: string; intentId: string; differs: readonly string[] }) => ({
      message: `idempotencyKey "${c.key}" already stands for intent ${c.intentId} with other arguments (${list(c.differs)} differ).`,
      fix: 'For the same payment repeat the first arguments; for another payment use a new idempotencyKey.',
    }),
  ),
  not_replaceable: spec(5008, 'input', 'no', (c: { reason: string }) => ({
    message: `The transaction cannot be replaced: ${c.reason}.`,
    fix: 'Call get_operation to see how it stands; what is included cannot be taken back.',
  })),
  operation_unknown: spec(5004, 'input', 'no', (c: { given: string }) => ({
    message: `There is no operation ${c.given}.`,
    fix: 'Use the operationId that send_transaction returned, or find it with list_operations.',
  })),
  lane_full: spec(5006, 'chain', { afterSeconds: 15 }, (c: { account: string; limit: number }) => ({
    message: `${c.account} has ${c.limit} payments on this chain that are not mined yet, as many as may wait. Nothing was signed.`,
    fix: 'Wait until some are mined (list_operations shows them); if they do not move, replace_transaction with kind speed_up offers more for the oldest.',
  })),
  nonce_taken: spec(5007, 'chain', { afterSeconds: 5 }, (c: { nonce: string }) => ({
    message: `Nonce ${c.nonce} went to another payment of this account, again and again. Nothing was sent.`,
    fix: 'Wait: it is tried again by itself. If it persists, ask the operator what else writes to Redis (REDIS_URL).',
  })),
  journal_unavailable: spec(6001, 'config', { afterSeconds: 10 }, (c: { reason: string }) => ({
    message: `The journal cannot be written, so nothing can be signed: ${c.reason}.`,
    fix: 'Ask the operator to free disk space or correct BURSAR_HOME; doctor checks it.',
  })),
  journal_missing: spec(6002, 'config', 'no', (c: { package: string }) => ({
    message: `The journal cannot be opened, so nothing can be signed: the package ${c.package} is not installed.`,
    fix: `Ask the operator to run "npm install ${c.package}" where Bursar is installed and to start it again; --omit=optional leaves it out.`,
  })),
  cancelled: spec(9002, 'input', 'same', (c: { what: string }) => ({
    message: `${c.what} was cancelled by the client.`,
    fix: 'Call again when the answer is wanted. Operations that were started go on: see list_operations.',
  })),
  internal: spec(9001, 'bug', 'no', () => ({
    message: 'Bursar failed in a way that it does not know.',
    fix: 'Check list_operations before trying again, and report this to the operator; the log has the cause.',
  })),
} as const

export type ErrorCode = keyof typeof errorCatalogue
export type ErrorContext<C extends ErrorCode> =
  Parameters<(typeof errorCatalogue)[C]['words']> extends [infer X] ? X : Record<string, never>
