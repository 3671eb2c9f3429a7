import { auditHash, GENESIS } from './audit.ts'
import type { Anchor } from './auditAnchor.ts'
import { type AuditRow, auditRows, type Readable } from './auditRows.ts'

export interface AuditHead {
  readonly seq: number
  readonly hash: string
}

/** What is wrong with the first row that is not as it was appended. */
export interface BrokenRow {
  readonly seq: number
  /**
   * Changed: it is not what its own hash says. Missing: it was taken out, or cut off at the end. Rewritten: its hash is
   * right for what it says now, and what follows, or an anchor, was bound to another one. Inserted: it comes before the
   * first.
   */
  readonly what: 'changed' | 'missing' | 'rewritten' | 'inserted'
}

export interface AuditVerdict {
  /** The last row that was looked at; undefined in an empty log. */
  readonly head: AuditHead | undefined
  /** Absent when all is as it was appended. */
  readonly broken?: BrokenRow
}

/**
 * Walks the audit log from its first row on, in constant memory, and finds the first row that is not what was appended
 * (T38). `anchors` are heads of before, from outside of the database: they show what was cut off or rewritten with all
 * its hashes.
 */
export async function verifyAudit(source: Readable, anchors: readonly Anchor[] = []): Promise<AuditVerdict> {
  let head: AuditHead | undefined
  for await (const row of auditRows(source)) {
    const broken = brokenAt(row, head) ?? againstAnchors(row, anchors)
    if (broken) return { head, broken }
    head = { seq: row.seq, hash: row.hash }
  }
  const seen = head?.seq ?? 0
  return anchors.some(({ seq }) => seq > seen)
    ? { head, broken: { seq: seen + 1, what: 'missing' } }
    : { head }
}

function brokenAt(row: AuditRow, before: AuditHead | undefined): BrokenRow | undefined {
  const next = (before?.seq ?? 0) + 1
  if (row.seq < next) return { seq: row.seq, what: 'inserted' }
  if (row.seq > next) return { seq: next, what: 'missing' }
  const { hash, ...said } = row
  if (auditHash(said) !== hash) return { seq: row.seq, what: 'changed' }
  if (row.previous === (before?.hash ?? GENESIS)) return undefined
  // It is what was appended, so the one before it is not.
  return { seq: before?.seq ?? row.seq, what: 'rewritten' }
}

function againstAnchors({ seq, hash }: AuditRow, anchors: readonly Anchor[]): BrokenRow | undefined {
  // Of two about one row neither stands for the other.
  const isOther = anchors.some((anchor) => anchor.seq === seq && anchor.hash !== hash)
  return isOther ? { seq, what: 'rewritten' } : undefined
}
