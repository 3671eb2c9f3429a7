import { hash } from 'node:crypto'
import type { Selectable, Transaction } from 'kysely'
import { canonicalJson } from '../../primitives/json.ts'
import { compiled, insertRows, type Values } from '../database/compiled.ts'
import type { AuditTable, JournalTables } from '../schema.ts'

export interface AuditEvent {
  readonly at: string
  readonly event: string
  readonly subject: string
  readonly detail: Readonly<Record<string, string | number>>
}

/** What the first row is bound to. */
export const GENESIS = '0'.repeat(64)

/**
 * What the transitions of one transaction say of themselves, appended to the audit log when they are all made; each row
 * is bound to the one before (T38).
 */
export class AuditTrail {
  #entries: AuditEvent[] = []

  add(entry: AuditEvent): void {
    this.#entries.push(entry)
  }

  /** How much was said so far. */
  get length(): number {
    return this.#entries.length
  }

  /** Forgets what was said since: it did not happen. */
  cutTo(length: number): void {
    this.#entries.length = length
  }

  async append(tx: Transaction<JournalTables>): Promise<void> {
    if (this.#entries.length === 0) return
    const [last] = await lastRow(tx, {})
    const rows: Selectable<AuditTable>[] = []
    for (const entry of this.#entries) rows.push(auditRow(entry, rows.at(-1) ?? last))
    await insertRows(tx, 'audit', rows)
  }
}

const lastRow = compiled((db, _value: Values<object>) =>
  db.selectFrom('audit').select(['seq', 'hash']).orderBy('seq', 'desc').limit(1),
)

type Link = Pick<Selectable<AuditTable>, 'seq' | 'hash'>

function auditRow({ at, event, subject, detail }: AuditEvent, before: Link | undefined) {
  const row = {
    seq: (before?.seq ?? 0) + 1,
    at,
    event,
    subject,
    detail: canonicalJson(detail),
    previous: before?.hash ?? GENESIS,
  }
  return { ...row, hash: auditHash(row) }
}

/** SHA-256 over the canonical form of a row without its own hash. */
export function auditHash(row: Omit<Selectable<AuditTable>, 'hash'>): string {
  return hash('sha256', canonicalJson(row))
}
