import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { BursarError } from '../../errors/bursarError.ts'
import { auditHead, auditRow, type Readable } from './auditRows.ts'

/** Beside the journal. */
export const ANCHOR_FILE = 'audit.anchor'

/** A row of the audit log as it once was its newest: what comes before it is bound by its hash. */
export interface Anchor {
  readonly seq: number
  readonly hash: string
}

/** As an operator keeps it: "1204:9f2c…". Undefined for what is none, as a row before the first. */
export function parseAnchor(text: string): Anchor | undefined {
  const [, seq, hash] = /^\s*([1-9]\d{0,14}):([0-9a-f]{64})\s*$/.exec(text) ?? []
  return seq === undefined || hash === undefined ? undefined : { seq: Number(seq), hash }
}

export const anchorText = ({ seq, hash }: Anchor) => `${seq}:${hash}`

/**
 * The anchor in a file; undefined when there is no file. Throws what the file system says otherwise, and
 * `journal_unavailable` when the file holds something else: that is not taken for none.
 */
export function readAnchor(file: string): Anchor | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  const anchor = parseAnchor(text)
  if (anchor === undefined) {
    throw new BursarError('journal_unavailable', { reason: `${file} holds no anchor of its audit log` })
  }
  return anchor
}

/** Replaces the file whole, on disk when this returns. */
export function writeAnchor(file: string, anchor: Anchor): void {
  const fresh = `${file}.${process.pid}`
  writeFileSync(fresh, `${anchorText(anchor)}\n`, { mode: 0o600 })
  const handle = openSync(fresh, 'r+')
  fsyncSync(handle)
  closeSync(handle)
  renameSync(fresh, file)
}

/**
 * Moves the anchor in a file on to the newest row, where the log still has the row that it names. Answers whether it
 * has: a log that was cut or rewritten keeps the anchor that shows it.
 */
export async function advanceAnchor(source: Readable, file: string): Promise<boolean> {
  const known = readAnchor(file)
  if (known && (await auditRow(source, known.seq))?.hash !== known.hash) return false
  const head = await auditHead(source)
  if (head && head.seq !== known?.seq) writeAnchor(file, head)
  return true
}
