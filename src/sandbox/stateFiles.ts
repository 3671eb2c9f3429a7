import { existsSync } from 'node:fs'
import { open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Logger } from '../primitives/logger.ts'
import type { SandboxChainId } from './sandboxAccounts.ts'

export interface StateFiles {
  /** The last state that is known to be whole. */
  readonly kept: string
  /** What anvil writes to. It truncates the file before it writes, so only a whole one replaces `kept`. */
  readonly next: string
}

export function stateFiles(folder: string, chainId: SandboxChainId): StateFiles {
  return {
    kept: path.join(folder, `${chainId}.json`),
    next: path.join(folder, `${chainId}.next.json`),
  }
}

/**
 * Keeps what the last anvil wrote, also when Bursar was killed before it could do so itself; returns the file
 * to load from, if there is any. A torn file (anvil killed while writing) is dropped for the older whole one.
 */
export async function keepWritten(files: StateFiles, logger: Logger): Promise<string | undefined> {
  if (existsSync(files.next)) {
    if (await isWhole(files.next)) {
      await sync(files.next)
      await rename(files.next, files.kept)
    } else {
      logger.warn('sandbox state was torn by a crash; an older one is used', { file: files.next })
      await rm(files.next)
    }
  }
  return existsSync(files.kept) ? files.kept : undefined
}

async function isWhole(file: string): Promise<boolean> {
  try {
    const state: unknown = JSON.parse(await readFile(file, 'utf8'))
    return typeof state === 'object' && state !== null && 'accounts' in state && 'blocks' in state
  } catch {
    return false
  }
}

async function sync(file: string): Promise<void> {
  const handle = await open(file, 'r+')
  await handle.sync()
  await handle.close()
}
