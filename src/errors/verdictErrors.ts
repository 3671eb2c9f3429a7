import { spec } from './spec.ts'

/** Simulation and policy: 4000 to 4999. */
export const verdictErrors = {
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
  policy_denied: spec(4004, 'policy', 'no', (c: { rule: string; reason: string; later?: boolean }) => ({
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
  policy_reloaded: spec(4011, 'config', 'same', () => ({
    message: 'The operator has loaded other rules while this was being judged. Nothing was signed.',
    fix: 'Call again with the same arguments at once: it is judged by the rules that hold now.',
  })),
  halted: spec(4020, 'policy', 'no', (c: { scope: string; reason: string; since: string }) => ({
    message: `The operator has halted signing ${c.scope} since ${c.since}: ${c.reason}. Nothing was signed.`,
    fix: 'Stay with what is prepared and tell the user. Ask the operator, who ends it with "bursar resume"; get_status shows whether it still holds.',
  })),
  feature_off: spec(4021, 'policy', 'no', (c: { flag: string; what: string; instead: string }) => ({
    message: `${c.what} is switched off by the operator (flag ${c.flag}). Nothing was prepared.`,
    fix: `${c.instead}, or ask the operator to switch it on.`,
  })),
  recipient_lookalike: spec(
    4030,
    'policy',
    'no',
    (c: { recipient: string; known: string; whose: string; alike: string }) => ({
      message: `${c.recipient} is not ${c.known}, ${c.whose}, and looks like it (${c.alike}). Such addresses are made, or mistyped, to be paid by mistake. Nothing was signed.`,
      fix: 'Ask which of the two is meant, from where it was first given and not from a list of transactions. If it is really the new one, the operator can add it (bursar contacts add).',
    }),
  ),
  name_moved: spec(
    4031,
    'policy',
    'no',
    (c: { name: string; prepared: string; now: string | undefined }) => ({
      message: `"${c.name}" was ${c.prepared} when this was prepared, and is ${c.now ?? 'nobody'} by now. Nothing was signed.`,
      fix: 'Ask whether the new address is right. If it is, call simulate_transaction again; check the address that it shows.',
    }),
  ),
} as const
