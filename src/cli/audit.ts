import { dirname, join } from 'node:path'
import { allChains } from '../chains/allChains.ts'
import { loadConfig } from '../config/loadConfig.ts'
import { readEnvironment } from '../config/readEnvironment.ts'
import { BursarError } from '../errors/bursarError.ts'
import {
  ANCHOR_FILE,
  type Anchor,
  anchorText,
  parseAnchor,
  readAnchor,
  writeAnchor,
} from '../store/audit/auditAnchor.ts'
import { exportAudit } from '../store/audit/auditExport.ts'
import { type BrokenRow, verifyAudit } from '../store/audit/auditVerify.ts'
import { JournalCopy } from '../store/database/journalCopy.ts'
import { journalFolder } from './operatorJournal.ts'
import { print, printAll } from './output.ts'

/** Exit code 1 when a row is not as it was written. */
export async function verify(options: { journal?: string; anchor?: string; expect?: string }): Promise<void> {
  const path = journalPath(options.journal)
  const file = options.anchor ?? join(dirname(path), ANCHOR_FILE)
  const known = readAnchor(file)
  const kept = options.expect === undefined ? undefined : anchorOf(options.expect)
  const anchors = [known, kept].filter((anchor) => anchor !== undefined)
  const { head, broken } = await withCopy(path, (copy) => verifyAudit(copy, anchors))
  if (broken) {
    print(`Row ${broken.seq} ${WHAT[broken.what]}`)
    print(
      head ? `Rows up to ${head.seq} are as they were written.` : 'No row before it is as it was written.',
    )
    process.exitCode = 1
    return
  }
  if (!head) {
    print('The audit log is empty.')
    return
  }
  print(`${head.seq} rows, each bound to the one before: as they were written.`)
  print(
    anchors.length === 0
      ? NO_ANCHOR
      : `The log still has row ${anchors.map(({ seq }) => seq).join(' and ')}.`,
  )
  print(`Keep this line elsewhere, and give it to a later run with --expect: ${anchorText(head)}`)
  // A copy, or a log on a disk that is only read, is not what servers go on from.
  if (options.journal === undefined || options.anchor !== undefined) writeAnchor(file, head)
}

/** JSON lines on stdout. */
export async function exportLog(options: {
  journal?: string
  since?: string
  until?: string
}): Promise<void> {
  const range = {
    ...(options.since !== undefined && { since: timeOf('--since', options.since) }),
    ...(options.until !== undefined && { until: timeOf('--until', options.until) }),
  }
  await withCopy(journalPath(options.journal), (copy) => printAll(exportAudit(copy, range)))
}

const WHAT: Readonly<Record<BrokenRow['what'], string>> = {
  changed: 'is not as it was written: its hash does not fit what it says.',
  missing: 'is missing: it was taken out, or the end of the log was cut off before it.',
  rewritten:
    'was written anew with a hash that fits: what follows it, or an anchor, is bound to another row.',
  inserted: 'was never appended: it comes before the first row of the log.',
}

const NO_ANCHOR =
  'Nothing remembers an earlier end of it, so rows that were cut off there would not be missed.'

function journalPath(given: string | undefined): string {
  return given ?? join(journalFolder(loadConfig(readEnvironment(), allChains)), 'journal.db')
}

async function withCopy<T>(path: string, action: (copy: JournalCopy) => Promise<T>): Promise<T> {
  const copy = new JournalCopy(path)
  try {
    return await action(copy)
  } finally {
    await copy.close()
  }
}

/** Throws `input_invalid`. */
function anchorOf(text: string): Anchor {
  const anchor = parseAnchor(text)
  if (anchor) return anchor
  throw invalid('audit verify', '--expect must be a line such as 1204:<64 hex digits>')
}

/** As rows record it. Throws `input_invalid`. */
function timeOf(option: string, text: string): string {
  const time = Date.parse(text)
  if (!Number.isNaN(time)) return new Date(time).toISOString()
  throw invalid('audit export', `${option} must be a time such as 2026-11-21T00:00:00Z`)
}

function invalid(tool: string, problem: string): BursarError {
  return new BursarError('input_invalid', { tool, problems: [problem] })
}
