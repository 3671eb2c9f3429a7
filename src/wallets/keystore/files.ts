import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { BursarError } from '../../errors/bursarError.ts'

/** A keystore has 500 bytes, a password less. */
const MOST_BYTES = 65_536
const OTHERS = 0o077

/**
 * The text of a file that holds a secret. Throws `secret_file_exposed` when others than its owner may read or change it,
 * and `secret_file_unreadable`.
 */
export function readSecretFile(path: string): string {
  try {
    const { mode, size } = statSync(path)
    if ((mode & OTHERS) !== 0) {
      throw new BursarError('secret_file_exposed', { path, mode: (mode & 0o777).toString(8) })
    }
    if (size > MOST_BYTES) throw unreadable(path, 'it is too large')
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw error instanceof BursarError ? error : unreadable(path, codeOf(error), error)
  }
}

function unreadable(path: string, reason: string, cause?: unknown): BursarError {
  return new BursarError('secret_file_unreadable', { path, reason }, { cause })
}

/**
 * Writes a new file: complete and on the disk, or not there. Throws `wallet_exists` when the name is taken, which a link,
 * unlike a rename, cannot overwrite, and `keystore_unwritable`.
 */
export function addFile(path: string, name: string, text: string): void {
  throughTemporary(path, name, text, (temporary) => linkSync(temporary, path))
}

/** Puts a file in the place of one: at every moment either is there, complete. Throws `keystore_unwritable`. */
export function replaceFile(path: string, text: string): void {
  throughTemporary(path, '', text, (temporary) => renameSync(temporary, path))
}

/** Gives a file a second name. Throws `wallet_exists` and `keystore_unwritable`. */
export function linkFile(from: string, to: string, name: string): void {
  attempt(to, name, () => {
    linkSync(from, to)
    flush(dirname(to))
  })
}

/** Throws `keystore_unwritable`. */
export function removeFile(path: string): void {
  attempt(path, '', () => {
    rmSync(path)
    flush(dirname(path))
  })
}

function throughTemporary(
  path: string,
  name: string,
  text: string,
  settle: (temporary: string) => void,
): void {
  const temporary = `${path}.${randomUUID()}.tmp`
  attempt(path, name, () => {
    try {
      writeFileSync(temporary, text, { mode: 0o600, flag: 'wx', flush: true })
      settle(temporary)
      flush(dirname(path))
    } finally {
      rmSync(temporary, { force: true })
    }
  })
}

/** The names in a folder are on the disk when the folder was flushed. */
function flush(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function attempt(path: string, name: string, act: () => void): void {
  try {
    act()
  } catch (error) {
    const code = codeOf(error)
    if (code === 'EEXIST')
      throw new BursarError('wallet_exists', { name, reason: `${path} is there already` })
    throw new BursarError('keystore_unwritable', { path, reason: code }, { cause: error })
  }
}

/** The file system's own code, such as ENOSPC. */
export const codeOf = (error: unknown) => String((error as NodeJS.ErrnoException).code)
