import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../primitives/makeFolder.ts'

/**
 * Which embedded sandboxes run, and where their journals are: the operator's commands are other processes, and find
 * them by a file in BURSAR_HOME that lives as long as the sandbox.
 */
export interface RunningSandbox {
  readonly pid: number
  /** Folder of its journal; undefined where the file does not tell. */
  readonly folder?: string
}

const folderOf = (home: string) => join(home, 'sandboxes')
const fileOf = (home: string, pid: number) => join(folderOf(home), `${pid}.json`)

/** Throws the file system's error. */
export function announceSandbox(home: string, running: Required<RunningSandbox>): void {
  makeFolder(folderOf(home))
  writeFileSync(fileOf(home, running.pid), JSON.stringify(running), { mode: 0o600 })
}

export function withdrawSandbox(home: string, pid: number): void {
  rmSync(fileOf(home, pid), { force: true })
}

/** Those whose processes live; files that others left are removed. */
export function runningSandboxes(home: string): readonly RunningSandbox[] {
  return namesIn(folderOf(home)).flatMap((name) => {
    const pid = Number(/^(\d+)\.json$/.exec(name)?.[1])
    if (!Number.isSafeInteger(pid)) return []
    if (isAlive(pid)) return [announced(home, pid)]
    withdrawSandbox(home, pid)
    return []
  })
}

/** A process that ended while it wrote leaves half a word, and its number may be another's by now. */
function announced(home: string, pid: number): RunningSandbox {
  try {
    const { folder } = JSON.parse(readFileSync(fileOf(home, pid), 'utf8')) as Partial<RunningSandbox>
    return { pid, ...(typeof folder === 'string' && { folder }) }
  } catch {
    return { pid }
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // It lives, and belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
