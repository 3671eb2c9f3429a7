import { type AuditRow, auditRows, type Readable } from './auditRows.ts'

export interface ExportRange {
  /** ISO 8601 in UTC; rows from that time on. */
  readonly since?: string
  /** ISO 8601 in UTC; rows before that time. */
  readonly until?: string
}

/** Members of a detail that may quote what chains, relays and endpoints said (R9). */
const STRANGERS = ['evidence', 'note', 'reason', 'worse'] as const

/**
 * The audit log as JSON, one line a row, in constant memory. Everything that the hash of a row covers is in its line as
 * it is; what a stranger may have written is named in `untrusted`. Lines are ASCII: what is invisible or turns text
 * around stands as an escape.
 */
export async function* exportAudit(source: Readable, { since, until }: ExportRange): AsyncGenerator<string> {
  for await (const row of auditRows(source)) {
    if (since !== undefined && row.at < since) continue
    if (until !== undefined && row.at >= until) continue
    yield lineOf(row)
  }
}

function lineOf({ seq, at, event, subject, detail, previous, hash }: AuditRow): string {
  const told = detailOf(detail)
  const untrusted = typeof told === 'string' ? ['detail'] : STRANGERS.filter((member) => member in told)
  const line = { seq, at, event, subject, detail: told, previous, hash }
  const text = JSON.stringify(untrusted.length === 0 ? line : { ...line, untrusted })
  return text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Its text where it is no object any more: somebody has changed it. */
function detailOf(detail: string): object | string {
  try {
    const parsed: unknown = JSON.parse(detail)
    return typeof parsed === 'object' && parsed !== null ? parsed : detail
  } catch {
    return detail
  }
}
