import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { BursarError } from '../errors/bursarError.ts'
import { pause } from '../primitives/abort.ts'
import { newId } from '../primitives/ids.ts'
import { makeFolder } from '../primitives/makeFolder.ts'
import { processIdentity } from './processIdentity.ts'

export interface StateLock {
  /** Notes the anvils: after a crash of ours the next holder waits until they have written their state. */
  cover(pids: readonly number[]): void
  release(): void
}

interface Holder {
  readonly pid: number
  readonly identity: string | undefined
  readonly since: string
  readonly anvils: readonly (string | undefined)[]
}

/** Longer than a guard gives its anvil for writing the state. */
const SAVING_TIMEOUT_MS = 35_000
const POLL_MS = 20
/** A lock file without content is being written by somebody; after this long its writer died. */
const BLANK_TIMEOUT_MS = 1_000

/**
 * Makes this process the only user of a state folder. Throws `sandbox_unavailable` naming the process that
 * holds it; the lock of a dead process is taken over.
 */
export async function acquireStateLock(folder: string): Promise<StateLock> {
  makeFolder(folder)
  const file = path.join(folder, 'lock.json')
  let holder: Holder = {
    pid: process.pid,
    identity: processIdentity(process.pid),
    since: new Date().toISOString(),
    anvils: [],
  }
  while (!create(file, holder)) await clearStale(file, folder)
  return {
    cover(pids) {
      holder = { ...holder, anvils: pids.map(processIdentity) }
      const draft = `${file}.${newId('proc')}`
      writeFileSync(draft, JSON.stringify(holder))
      renameSync(draft, file)
    },
    release: () => rmSync(file, { force: true }),
  }
}

function create(file: string, holder: Holder): boolean {
  try {
    writeFileSync(file, JSON.stringify(holder), { flag: 'wx' })
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  }
}

/** Returns when the lock file that was there is gone, or throws when a living process holds it. */
async function clearStale(file: string, folder: string): Promise<void> {
  const text = await readWhole(file)
  if (text === undefined) return
  const holder = parse(text)
  if (holder && isRunning(holder.identity)) {
    const reason = `the state folder ${folder} is in use by process ${holder.pid} since ${holder.since}`
    throw new BursarError('sandbox_unavailable', { reason })
  }
  const end = Date.now() + SAVING_TIMEOUT_MS
  while (holder?.anvils.some(isRunning)) {
    if (Date.now() > end) {
      const reason = `the state folder ${folder} is still being written by a chain of process ${holder.pid}`
      throw new BursarError('sandbox_unavailable', { reason })
    }
    await pause(POLL_MS)
  }
  // Moved away first, so that of two processes that found it stale only one removes it, and a lock that was
  // taken anew in between is noticed and put back.
  const moved = `${file}.${newId('proc')}`
  try {
    renameSync(file, moved)
  } catch (error) {
    if (isCode(error, 'ENOENT')) return
    throw error
  }
  if (readFileSync(moved, 'utf8') === text) rmSync(moved)
  else renameSync(moved, file)
}

async function readWhole(file: string): Promise<string | undefined> {
  const end = Date.now() + BLANK_TIMEOUT_MS
  for (;;) {
    try {
      const text = readFileSync(file, 'utf8')
      if (parse(text) !== undefined || Date.now() > end) return text
    } catch (error) {
      if (isCode(error, 'ENOENT')) return undefined
      throw error
    }
    await pause(POLL_MS)
  }
}

function parse(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Holder
    return Array.isArray(value.anvils) ? value : undefined
  } catch {
    return undefined
  }
}

function isRunning(identity: string | undefined): boolean {
  return identity !== undefined && processIdentity(Number.parseInt(identity, 10)) === identity
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}
