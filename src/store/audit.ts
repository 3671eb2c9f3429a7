import { createHash } from 'node:crypto'
import type { Transaction } from 'kysely'
import { canonicalJson } from '../primitives/json.ts'
import type { JournalTables } from './schema.ts'

export interface AuditEvent {
  readonly at: string
  readonly event: string
  readonly subject: string
  readonly detail: Readonly<Record<string, string | number>>
}

const GENESIS = '0'.repeat(64)

/** Appends to the audit log within a transition's transaction; each row is bound to the one before (T38). */
export async function appendAudit(tx: Transaction<JournalTables>, entry: AuditEvent): Promise<void> {
  const last = await tx
    .selectFrom('audit')
    .select(['seq', 'hash'])
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  const row = {
    seq: (last?.seq ?? 0) + 1,
    at: entry.at,
    event: entry.event,
    subject: entry.subject,
    detail: canonicalJson(entry.detail),
    previous: last?.hash ?? GENESIS,
  }
  await tx
    .insertInto('audit')
    .values({ ...row, hash: auditHash(row) })
    .execute()
}

/** SHA-256 over the canonical form of a row without its own hash. */
function auditHash(row: {
  seq: number
  at: string
  event: string
  subject: string
  detail: string
  previous: string
}): string {
  const { seq, at, event, subject, detail, previous } = row
  return createHash('sha256')
    .update(canonicalJson({ seq, at, event, subject, detail, previous }))
    .digest('hex')
}
