import { BursarError } from '../errors/bursarError.ts'
import { compiled, insertRow, type Values } from './database/compiled.ts'
import type { AuditNote, Journal, JournalTransaction } from './journal.ts'
import type { ApprovalRow, IntentRow } from './schema.ts'

type Audit = (note: AuditNote) => void

/** What was signed for an intent, as it is stored. */
export interface SignedApproval {
  /** Canonical JSON. */
  readonly statement: string
  /** Lower-case hex. */
  readonly signature: string
  readonly signer: string
}

/** An intent as a person looked at it. */
export type Seen = Pick<ApprovalRow, 'intent_id' | 'digest' | 'plan_digest'>

const approvalById = compiled((db, value: Values<{ id: string }>) =>
  db.selectFrom('approvals').selectAll().where('intent_id', '=', value('id')),
)

const operationOf = compiled((db, value: Values<{ id: string }>) =>
  db.selectFrom('operations').select('id').where('intent_id', '=', value('id')),
)

/** More are not looked through by anybody. */
const MOST_LISTED = 200

/** Intents that wait for a person, and what was decided. A row proves nothing: whoever uses it verifies what it holds. */
export class ApprovalStore {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  find(intentId: string): Promise<ApprovalRow | undefined> {
    return this.#journal.read(async (db) => (await approvalById(db, { id: intentId }))[0])
  }

  /** The intents that wait for a person or for their execution, newest first, of every principal. */
  open(): Promise<readonly { readonly intent: IntentRow; readonly approval: ApprovalRow }[]> {
    return this.#journal.read(async (db) => {
      const approvals = await db
        .selectFrom('approvals')
        .selectAll()
        .where('state', 'in', ['pending', 'approved'])
        .orderBy('requested_at', 'desc')
        .orderBy('intent_id')
        .limit(MOST_LISTED)
        .execute()
      const waiting = db
        .selectFrom('approvals')
        .select('intent_id')
        .where('state', 'in', ['pending', 'approved'])
      const intents = await db.selectFrom('intents').selectAll().where('id', 'in', waiting).execute()
      const byId = new Map(intents.map((intent) => [intent.id, intent]))
      return approvals.flatMap((approval) => {
        const intent = byId.get(approval.intent_id)
        return intent?.digest === approval.digest ? [{ intent, approval }] : []
      })
    })
  }

  /** Keeps what was signed for an intent that waits. Throws `approval_closed`. */
  approve(seen: Seen, signed: SignedApproval): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      const row = await undecided(tx, seen)
      if (row.state === 'approved') throw closed(seen, 'it is approved already')
      await tx
        .updateTable('approvals')
        .set({ ...signed, state: 'approved', updated_at: this.#journal.now() })
        .where('intent_id', '=', seen.intent_id)
        .execute()
      const detail = { digest: seen.digest, signer: signed.signer }
      audit({ event: 'approval.given', subject: seen.intent_id, detail })
    })
  }

  /**
   * Ends an intent that was not executed, also one that was approved: `random`, which its approval holds, counts for
   * nothing any more. Throws `approval_closed`.
   */
  deny(seen: Seen, reason: string, random: string | undefined): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      await undecided(tx, seen)
      if (random !== undefined) await spend(tx, seen.intent_id, random, this.#journal.now())
      const ended = { statement: null, signature: null, signer: null, reason, state: 'denied' as const }
      await tx
        .updateTable('approvals')
        .set({ ...ended, updated_at: this.#journal.now() })
        .where('intent_id', '=', seen.intent_id)
        .execute()
      audit({ event: 'approval.denied', subject: seen.intent_id, detail: { digest: seen.digest, reason } })
    })
  }
}

/** What may still be decided. Throws `approval_closed`. */
async function undecided(tx: JournalTransaction, seen: Seen): Promise<ApprovalRow> {
  const [row] = await approvalById(tx, { id: seen.intent_id })
  if (row?.digest !== seen.digest || row.plan_digest !== seen.plan_digest)
    throw closed(seen, 'it was prepared anew since you looked at it')
  const [operation] = await operationOf(tx, { id: seen.intent_id })
  if (operation || row.state === 'used') throw closed(seen, 'it was executed already')
  if (row.state === 'denied') throw closed(seen, 'it was denied')
  return row
}

const closed = ({ intent_id: intentId }: Seen, reason: string) =>
  new BursarError('approval_closed', { intentId, reason })

/** Asks for an intent's approval, within the transition that prepares or renews it: what was decided before is void. */
export async function requestApproval(
  tx: JournalTransaction,
  audit: Audit,
  { intent_id, digest, plan_digest }: Seen,
  now: string,
): Promise<void> {
  const undecided = { statement: null, signature: null, signer: null, reason: null, operation_id: null }
  const at = { requested_at: now, updated_at: now }
  await insertRow(tx, 'approvals', { intent_id, digest, plan_digest, state: 'pending', ...undecided, ...at })
  audit({ event: 'approval.requested', subject: intent_id, detail: { digest } })
}

/** Forgets what was asked and decided about an intent as it was prepared before. */
export async function withdrawApproval(tx: JournalTransaction, intentId: string): Promise<void> {
  await tx.deleteFrom('approvals').where('intent_id', '=', intentId).execute()
}

/** The row of an intent as it is at this moment of a transition. */
export async function approvalOf(tx: JournalTransaction, intentId: string): Promise<ApprovalRow | undefined> {
  return (await approvalById(tx, { id: intentId }))[0]
}

/** Whether an approval with this random number was used or taken back. */
export async function isSpent(tx: JournalTransaction, random: string): Promise<boolean> {
  const found = await tx
    .selectFrom('spent_approvals')
    .select('random')
    .where('random', '=', random)
    .executeTakeFirst()
  return found !== undefined
}

/**
 * Uses an approval up, within the transition that begins its operation. Without `random` it was a yes in the client.
 */
export async function useApproval(
  tx: JournalTransaction,
  audit: Audit,
  used: Seen & { readonly operationId: string; readonly random: string | undefined },
  now: string,
): Promise<void> {
  const { intent_id, digest, operationId, random } = used
  if (random !== undefined) await spend(tx, intent_id, random, now)
  const change = { state: 'used' as const, operation_id: operationId, updated_at: now }
  // Whatever it holds that was not verified is not to look as if it had counted.
  const unproven = random === undefined ? { statement: null, signature: null, signer: null } : {}
  await tx
    .updateTable('approvals')
    .set({ ...change, ...unproven })
    .where('intent_id', '=', intent_id)
    .execute()
  const by = random === undefined ? 'client' : 'signature'
  audit({ event: 'approval.used', subject: intent_id, detail: { digest, operation: operationId, by } })
}

function spend(tx: JournalTransaction, intentId: string, random: string, at: string): Promise<void> {
  return insertRow(tx, 'spent_approvals', { random, intent_id: intentId, at })
}
