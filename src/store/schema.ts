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
  audit: AuditTable
  chains: ChainTable
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
  /** Stuck: what was sent waits for too long, and may still be included. */
  state: 'running' | 'committed' | 'failed' | 'stuck'
  /** The process that drives the operation, and until when; any process takes over an expired lease. */
  lease_owner: string | null
  lease_until: string | null
  created_at: string
}

export interface StepTable {
  id: string
  operation_id: string
  position: number
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
  included_number: string | null
  included_hash: string | null
  gas_used: string | null
  fee_paid: string | null
  confirmations: Generated<number>
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
  /** What led to it. Unique: an intent is signed at most once, the operation's own and those of replacements (R3). */
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

/** Which chain stood behind an id when it was first used: nonces of another one would mean nothing. */
export interface ChainTable {
  id: string
  genesis: string
  first_used_at: string
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

export type IntentRow = Selectable<IntentTable>
export type OperationRow = Selectable<OperationTable>
export type StepRow = Selectable<StepTable>
export type AttemptRow = Selectable<AttemptTable>
