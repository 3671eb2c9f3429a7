import { list, spec } from './spec.ts'

/** Intents and operations (5000), the journal (6000), and bugs (9000). */
export const operationErrors = {
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
  private_route_missing: spec(5010, 'config', 'no', (c: { name: string }) => ({
    message: `${c.name} has no private route here: no relay is configured for it.`,
    fix: 'Call simulate_transaction with route "public" and a new idempotencyKey if it was not sent and others may see it, or ask the operator to set FLASHBOTS_AUTH_KEY and to name the chain in FLASHBOTS_RELAY_URL.',
  })),
  approval_needed: spec(
    5011,
    'policy',
    { afterSeconds: 60 },
    (c: { intentId: string; rules: readonly string[]; note: string }) => ({
      message: `Intent ${c.intentId} needs a person's approval: ${c.rules.join('; ')}. Nothing was signed; ${c.note}.`,
      fix: `Ask the user to run "bursar approvals approve ${c.intentId}" in a terminal, not through you. Then call send_transaction with the same intentId.`,
    }),
  ),
  approval_denied: spec(5012, 'policy', 'no', (c: { intentId: string; reason: string }) => ({
    message: `A person denied intent ${c.intentId}: ${c.reason}. Nothing was signed, and it will not be.`,
    fix: 'Ask the user how to go on. Do not prepare the same payment with another idempotencyKey unless they want it.',
  })),
  approval_unknown: spec(5013, 'input', 'no', (c: { given: string }) => ({
    message: `There is no intent ${c.given} that needs an approval.`,
    fix: 'Use an id that "bursar approvals list" shows.',
  })),
  approval_closed: spec(5014, 'input', 'no', (c: { intentId: string; reason: string }) => ({
    message: `Nothing was decided about intent ${c.intentId}: ${c.reason}.`,
    fix: 'Check it with "bursar approvals show", and decide about what that shows.',
  })),
  approver_unusable: spec(5015, 'config', 'no', (c: { reason: string }) => ({
    message: `Nothing can be approved from here: ${c.reason}.`,
    fix: 'Check the folder operator in BURSAR_HOME and APPROVER_KEYS; docs/approvals.md says how they belong together.',
  })),
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
  allowance_in_use: spec(5009, 'chain', { afterSeconds: 2 }, (c: { token: string }) => ({
    message: `Another payment of this account is approving ${c.token} at this moment, and the later approval would undo the earlier one. Nothing was signed.`,
    fix: 'Call send_transaction with the same intentId again in a moment.',
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
