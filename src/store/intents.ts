import type { Selectable } from 'kysely'
import type { LookalikeKeys } from '../primitives/lookalikes.ts'
import { approvalOf, requestApproval, withdrawApproval } from './approvals.ts'
import { paidAlike } from './counterparties/counterparties.ts'
import { hasPaid, type Paid } from './counterparties/payees.ts'
import { compiled, insertRow, type Values } from './database/compiled.ts'
import { executedBy } from './executions.ts'
import type { Journal } from './journal.ts'
import type { IntentRow, IntentTable } from './schema.ts'

/** What was judged of it, for the audit log. */
export type AuditedVerdict = Readonly<Record<string, string>>

export type NewIntent = Omit<Selectable<IntentTable>, 'created_at'>

const intentById = compiled((db, value: Values<{ id: string }>) =>
  db.selectFrom('intents').selectAll().where('id', '=', value('id')),
)

/** What is recorded with an intent. */
export interface Saving {
  /** Of its whole plan: present when a person is to be asked to approve it. */
  readonly planDigest?: string
  readonly verdict?: AuditedVerdict
}

/** Prepared plans. Nothing here moves anything. */
export class IntentStore {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  find(id: string): Promise<IntentRow | undefined> {
    return this.#journal.read(async (db) => (await intentById(db, { id }))[0])
  }

  findByKey(principal: string, key: string): Promise<IntentRow | undefined> {
    return this.#journal.read((db) =>
      db
        .selectFrom('intents')
        .selectAll()
        .where('principal', '=', principal)
        .where('idempotency_key', '=', key)
        .executeTakeFirst(),
    )
  }

  /** Those of the recipients whom no payment of this account in a block went to. */
  neverPaid(payer: Omit<Paid, 'recipient'>, recipients: readonly string[]): Promise<ReadonlySet<string>> {
    return this.#journal.read(async (db) => {
      const never = new Set<string>()
      for (const recipient of new Set(recipients)) {
        if (!(await hasPaid(db, { ...payer, recipient }))) never.add(recipient)
      }
      return never
    })
  }

  /** Addresses that payments of ours in blocks went to, of whatever account and chain, and that may look like one. */
  paidAlike(keys: LookalikeKeys): Promise<readonly string[]> {
    return this.#journal.read((db) => paidAlike(db, keys))
  }

  /**
   * Stores a new intent, or renews the one that the key already stands for while it was never executed. Returns
   * what the journal then holds: the caller compares its arguments, since another process may have come first. With
   * the digest of its whole plan, a person is asked to approve it; one that a person has denied stays as it was.
   */
  save(
    intent: NewIntent,
    { planDigest, verdict = {} }: Saving = {},
  ): Promise<{ intent: IntentRow; operationId: string | undefined }> {
    return this.#journal.transact(async (tx, audit) => {
      const existing = await tx
        .selectFrom('intents')
        .selectAll()
        .where('principal', '=', intent.principal)
        .where('idempotency_key', '=', intent.idempotency_key)
        .executeTakeFirst()
      if (!existing) {
        const row = { ...intent, created_at: this.#journal.now() }
        await insertRow(tx, 'intents', row)
        audit({
          event: 'intent.prepared',
          subject: row.id,
          detail: { digest: row.digest, chain: row.chain, wallet: row.wallet, ...verdict },
        })
        if (planDigest !== undefined) await requestApproval(tx, audit, seen(row, planDigest), row.created_at)
        return { intent: row, operationId: undefined }
      }
      const operationId = await executedBy(tx, existing.principal, 'id', existing.id)
      if (operationId !== undefined || existing.arguments !== intent.arguments) {
        return { intent: existing, operationId }
      }
      const approval = await approvalOf(tx, existing.id)
      if (approval?.state === 'denied') return { intent: existing, operationId: undefined }
      if (approval) await withdrawApproval(tx, existing.id)
      const renewed = { digest: intent.digest, plan: intent.plan, expires_at: intent.expires_at }
      await tx.updateTable('intents').set(renewed).where('id', '=', existing.id).execute()
      audit({ event: 'intent.renewed', subject: existing.id, detail: { digest: intent.digest, ...verdict } })
      const asked = { id: existing.id, digest: intent.digest }
      if (planDigest !== undefined)
        await requestApproval(tx, audit, seen(asked, planDigest), this.#journal.now())
      return { intent: { ...existing, ...renewed }, operationId: undefined }
    })
  }
}

function seen({ id, digest }: Pick<IntentRow, 'id' | 'digest'>, planDigest: string) {
  return { intent_id: id, digest, plan_digest: planDigest }
}
