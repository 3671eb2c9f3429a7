import type { Generated, Selectable } from 'kysely'

/**
 * The journal's tables. Amounts are decimal text; nonces and block numbers are decimal text padded to 20 digits, so
 * that they sort as numbers in every database; times are ISO 8601 text in UTC; documents are JSON text.
 */
export interface JournalTables {
  intents: IntentTable
  operations: OperationTable
  steps: StepTable
  nonces: NonceTable
  attempts: AttemptTable
  reservations: ReservationTable
  payees: PayeeTable
  spends: SpendTable
  spend_sums: SpendSumTable
  approvals: ApprovalTable
  spent_approvals: SpentApprovalTable
  counterparties: CounterpartyTable
  contacts: ContactTable
  audit: AuditTable
  chains: ChainTable
  gas_uses: GasUseTable
  halts: HaltTable
  flag_sets: FlagSetTable
  flag_stops: FlagStopTable
  flag_uses: FlagUseTable
  tokens: TokenTable
}

export interface IntentTable {
  id: string
  principal: string
  idempotency_key: string
  /** Canonical JSON of the caller's arguments, compared when the key comes again (R3). */
  arguments: string
  /** Digest over every field that will be signed except the nonce. */
  digest: string
  chain: string
  account: string
  wallet: string
  /** The prepared plan: payload, terms, outflow, receipt, and what the caller was shown. */
  plan: string
  created_at: string
  expires_at: string
}

export interface OperationTable {
  id: string
  /** Unique: an intent is executed at most once (R3). */
  intent_id: string
  principal: string
  idempotency_key: string
  chain: string
  account: string
  wallet: string
  /**
   * Stuck: what was sent waits for too long, and may still be included; or what it had allowed could not be taken back
   * yet. Compensated: it did not happen, and what had been allowed for it is taken back.
   */
  state: 'running' | 'committed' | 'failed' | 'stuck' | 'compensated'
  /** The process that drives the operation, and until when; any process takes over an expired lease. */
  lease_owner: string | null
  lease_until: string | null
  created_at: string
}

export interface StepTable {
  id: string
  operation_id: string
  position: number
  /**
   * Pivot: what the operation is for; no way back from there. Approval: what the pivot needs, to be taken back without
   * it; reset: what an approval needs. Undo: takes approvals back.
   */
  role: Generated<'pivot' | 'approval' | 'reset' | 'undo'>
  chain: string
  account: string
  state:
    | 'queued'
    | 'reserved'
    | 'signed'
    | 'sent'
    | 'included'
    | 'safe'
    | 'final'
    | 'reverted'
    | 'replaced'
    | 'dropped'
    | 'unknown'
    | 'failed'
  /** Who receives or is called, as the caller meant it; the payload of a token transfer goes to the token. */
  recipient: string
  payload: string
  terms: string
  /** What leaves by the caller's word: an asset and base units. */
  outflow: string
  receipt: string
  note: string | null
  /** Of how many calls it consists; null for a single one. */
  calls: number | null
  included_number: string | null
  included_hash: string | null
  /** When Bursar first saw it in the block that it is in. */
  included_at: string | null
  /** Of a user operation: the transaction that it was included by. */
  transaction_hash: string | null
  gas_used: string | null
  fee_paid: string | null
  confirmations: Generated<number>
  /** 1 when nothing more happens to it. */
  ended: Generated<number>
  /** What the node suggested to pay per unit of gas when the step was admitted; null where it did not say. */
  suggested: string | null
  /** How it was priced: a tier, or no higher than its caller would pay, whenever that is. */
  pace: 'slow' | 'standard' | 'fast' | 'wait' | null
  /** The nonce at which a signer elsewhere was asked to sign it; null: none was, or it refused. */
  asked_nonce: string | null
  /** How often it was asked without having refused: so many signatures of it there may be. */
  asks: Generated<number>
  updated_at: string
}

/** One row per nonce that a step holds or used. The primary key is the fence of R4. */
export interface NonceTable {
  chain: string
  account: string
  nonce: string
  /** Unique: a step has one nonce. */
  step_id: string
  state: 'reserved' | 'signed' | 'sent' | 'mined'
  updated_at: string
}

/**
 * Signed bytes (R2). `live` is 1 for the newest attempt of a step; a unique index covers live attempts. Those that were
 * superseded are watched for ever: any of them may be the one that is included.
 */
export interface AttemptTable {
  id: string
  step_id: string
  /** What led to it. Unique with the step: an intent is signed once for each, be it the operation's own or a replacement (R3). */
  intent_id: string
  chain: string
  account: string
  nonce: string
  hash: string
  raw: string
  /** For the payload of exactly these bytes; a cancellation has another one than its step. */
  receipt: string
  kind: 'original' | 'speed_up' | 'cancel'
  state: 'signed' | 'sent' | 'included' | 'superseded'
  live: number
  created_at: string
}

/** What an unfinished step may still take from an account (R5). */
export interface ReservationTable {
  id: string
  step_id: string
  chain: string
  account: string
  /** CAIP-19 id. */
  asset: string
  raw: string
  kind: 'spend' | 'fee'
  state: 'held' | 'settled' | 'released'
  created_at: string
}

/**
 * What a step counts for towards caps over time: by asset and recipient, and under an empty recipient the sum over all.
 * It is what the step may take until it is final, and then what it took.
 */
export interface SpendTable {
  step_id: string
  /** CAIP-19 id, or `fee/` and the id of the native asset for gas. */
  asset: string
  recipient: string
  account: string
  principal: string
  raw: string
  /** Milliseconds since the epoch, padded: the later of the clock's and the chain's time when it was held. */
  at: string
}

/** The same summed by the minute (level 0), hour (1) and day (2) since the epoch, `start` in these units. */
export interface SpendSumTable {
  asset: string
  recipient: string
  level: number
  start: number
  account: string
  principal: string
  raw: string
}

/** Which chain stood behind an id when it was first used: nonces of another one would mean nothing. */
export interface ChainTable {
  id: string
  genesis: string
  first_used_at: string
}

/** Whom the steps pay that are batches; a single payment has its recipient in its step. */
export interface PayeeTable {
  step_id: string
  chain: string
  account: string
  recipient: string
}

/**
 * Whom our accounts have steps for, once each: an index into steps and payees, which alone say whether a payment is in a
 * block. `ends`, `head` and `tail` are what an address is looked up by that looks like this one.
 */
export interface CounterpartyTable {
  chain: string
  account: string
  recipient: string
  /** The first and the last four digits, in lower case. */
  ends: string
  /** The first eight digits. */
  head: string
  /** The last eight. */
  tail: string
}

/** The operator's address book. No tool writes it. */
export interface ContactTable {
  /** ENSIP-15 normalised. */
  name: string
  /** `*` or a CAIP-2 id. */
  chain: string
  address: string
  /** What all names have in common that look alike. */
  skeleton: string
  ends: string
  head: string
  tail: string
  created_at: string
}

/** What a final transaction of ours used, once a step: what later ones of its kind need, and what was paid. */
export interface GasUseTable {
  step_id: string
  chain: string
  /** Empty for what calls no function; its selector too. */
  contract: string
  selector: string
  gas_used: string
  gas_limit: string
  /** What it paid per unit of gas; `fee_paid` also counts what the chain takes besides gas. */
  gas_price: string
  fee_paid: string
  succeeded: number
  suggested: string | null
  pace: StepTable['pace']
  /** Blocks from its simulation to its inclusion; null for what replaced other bytes. */
  waited: number | null
  at: string
}

/** An intent that a person has to approve, as it is prepared now: one row an intent, begun anew when it is renewed. */
export interface ApprovalTable {
  intent_id: string
  /** Of the intent when approval was asked for; another one was never shown. */
  digest: string
  /** SHA-256 over its whole plan, with the effects that are shown: 0x and 64 hex digits. */
  plan_digest: string
  state: 'pending' | 'approved' | 'denied' | 'used'
  /** Canonical JSON of what was signed; null until it is approved, and where a yes in the client was enough. */
  statement: string | null
  /** Hex of the Ed25519 signature over it, and of the public key. Only these prove an approval, never the state. */
  signature: string | null
  signer: string | null
  /** Why it was denied. */
  reason: string | null
  /** The one operation that it was used for. */
  operation_id: string | null
  requested_at: string
  updated_at: string
}

/** The random numbers of approvals that were used or taken back: none of them counts a second time. */
export interface SpentApprovalTable {
  random: string
  intent_id: string
  at: string
}

/** Bearer tokens. Who has read the journal has none of them: only hashes are kept. */
export interface TokenTable {
  /** 12 hex digits, part of the token's text. */
  id: string
  /** Unique among those that are not revoked. */
  name: string
  /** SHA-256 of the secret, as hex. */
  hash: string
  /** Whose intents and operations it reaches. */
  principal: string
  /** Words of `SCOPES` with commas between. */
  scopes: string
  /** HTTP_AUDIENCE of the servers that take it. */
  audience: string
  created_at: string
  expires_at: string | null
  revoked_at: string | null
  /** The hour of its last use. */
  last_used_at: string | null
}

/** Every transition, each row bound to the one before by its hash. */
export interface AuditTable {
  seq: number
  at: string
  event: string
  subject: string
  detail: string
  previous: string
  hash: string
}

export type ContactRow = Selectable<ContactTable>
/** A halt in force: nothing that it covers is signed. Lifting it removes the row; the audit log tells of both. */
export interface HaltTable {
  /** Lower case: the name or address of a wallet. Empty: of every wallet. */
  wallet: string
  /** CAIP-2 id. Empty: on every chain. */
  chain: string
  reason: string
  since: string
}

/** What an operator has set of the flags, whole; the newest row is in force. */
export interface FlagSetTable {
  id: number
  /** The set that a rollback goes to; null for the first. */
  previous: number | null
  at: string
  /** Canonical JSON: a rule for each flag that has one. */
  rules: string
}

/** Flags that are off whatever a set says. */
export interface FlagStopTable {
  flag: string
  reason: string
  since: string
}

/** Which variant of a flag an operation got. */
export interface FlagUseTable {
  operation_id: string
  flag: string
  variant: string
}

export type IntentRow = Selectable<IntentTable>
export type OperationRow = Selectable<OperationTable>
export type SpendRow = Selectable<SpendTable>
export type StepRow = Selectable<StepTable>
export type ApprovalRow = Selectable<ApprovalTable>
export type GasUseRow = Selectable<GasUseTable>
export type AttemptRow = Selectable<AttemptTable>
export type TokenRow = Selectable<TokenTable>
