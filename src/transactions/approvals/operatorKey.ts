import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { linkSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BursarError } from '../../errors/bursarError.ts'
import { randomHex } from '../../primitives/ids.ts'
import { makeFolder } from '../../primitives/makeFolder.ts'
import { type Approver, approverOf } from './statement.ts'

/** Where the operator's keys are; agents have no business there. */
const folderIn = (home: string) => join(home, 'operator')
const PRIVATE = 'approval.key'
const PUBLIC = 'approval.pub'
const OTHERS_MAY = 0o077
const OTHERS_WRITE = 0o022

/**
 * The operator's own key in `home`, made at its first use; only its owner may read it. Beside it lies the public half,
 * which is all that servers read. Throws `approver_unusable`, also when `pinned` keys count and this is none of them.
 */
export function operatorApprover(home: string, pinned: readonly string[] | undefined): Approver {
  const approver = ownApprover(home)
  if (pinned && !pinned.includes(approver.publicKey))
    throw unusable(`the key in ${folderIn(home)} is not among APPROVER_KEYS`)
  return approver
}

/** The same, whether it counts or not: to print its public half. */
export function ownApprover(home: string): Approver {
  const folder = folderIn(home)
  try {
    makeFolder(folder)
    const approver = approverOf(readKey(join(folder, PRIVATE)) ?? makeKey(folder))
    const path = join(folder, PUBLIC)
    if (readIf(path)?.trim() !== approver.publicKey) writeWhole(path, `${approver.publicKey}\n`)
    return approver
  } catch (error) {
    if (error instanceof BursarError) throw error
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'not a key'
    throw unusable(`the key in ${folder} cannot be used (${code})`, error)
  }
}

/**
 * The keys that count at this moment: those that are pinned, else the operator's own, else none. Throws
 * `approver_unusable`.
 */
export function countingKeys(home: string, pinned: readonly string[] | undefined): readonly string[] {
  if (pinned) return pinned
  try {
    const path = join(folderIn(home), PUBLIC)
    const own = readIf(path)?.trim()
    if (own === undefined) return []
    for (const each of [folderIn(home), path]) requireOwn(each)
    return [own]
  } catch (error) {
    if (error instanceof BursarError) throw error
    throw unusable(`the public key in ${folderIn(home)} cannot be read`, error)
  }
}

/** Whoever could put another key there would approve in the operator's place (F4). */
function requireOwn(path: string): void {
  const { mode, uid } = statSync(path)
  const isOurs = uid === 0 || uid === (process.getuid?.() ?? uid)
  if (!isOurs || (mode & OTHERS_WRITE) !== 0)
    throw unusable(
      `others may change ${path}: give it to the user of the server and "chmod go-w" it, or set APPROVER_KEYS`,
    )
}

function readKey(path: string): KeyObject | undefined {
  const pem = readIf(path)
  if (pem === undefined) return undefined
  if ((statSync(path).mode & OTHERS_MAY) !== 0)
    throw unusable(`others than its owner may read ${path}: "chmod 600" it`)
  const key = createPrivateKey(pem)
  if (key.asymmetricKeyType !== 'ed25519') throw unusable(`${path} holds no Ed25519 key`)
  return key
}

/** Of several processes that make it at once, one wins; the others read what it made. */
function makeKey(folder: string): KeyObject {
  const { privateKey } = generateKeyPairSync('ed25519')
  const path = join(folder, PRIVATE)
  const draft = `${path}.${randomHex(8)}`
  writeFileSync(draft, privateKey.export({ type: 'pkcs8', format: 'pem' }), {
    mode: 0o600,
    flag: 'wx',
    flush: true,
  })
  try {
    linkSync(draft, path)
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error
  } finally {
    rmSync(draft)
  }
  return readKey(path) as KeyObject
}

function writeWhole(path: string, text: string): void {
  const draft = `${path}.${randomHex(8)}`
  writeFileSync(draft, text, { mode: 0o600, flag: 'wx', flush: true })
  renameSync(draft, path)
}

function readIf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined
    throw error
  }
}

const isCode = (error: unknown, code: string) =>
  error instanceof Error && 'code' in error && error.code === code

const unusable = (reason: string, cause?: unknown) =>
  new BursarError('approver_unusable', { reason }, { cause })
