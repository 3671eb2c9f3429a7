import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { allChains } from '../chains/allChains.ts'
import { loadConfig } from '../config/loadConfig.ts'
import { journalFolders, readEnvironment } from '../config/readEnvironment.ts'
import type { Config } from '../config/types.ts'
import { BursarError, isBursarError } from '../errors/bursarError.ts'
import { systemClock } from '../primitives/clock.ts'
import { type RunningSandbox, runningSandboxes } from '../runtime/runningSandboxes.ts'
import { Journal } from '../store/journal.ts'

/**
 * Runs an operator's command on the journal that the server of this environment uses, and closes it. With nothing
 * configured that is the journal of the sandbox that runs. Throws `sandbox_unavailable` where it cannot be told which.
 */
export async function withOperatorJournal<T>(
  action: (journal: Journal, config: Config) => Promise<T>,
): Promise<T> {
  const config = loadConfig(readEnvironment(), allChains)
  return withJournal(journalFolder(config), (journal) => action(journal, config))
}

/** Throws `journal_unavailable`. */
export async function withJournal<T>(folder: string, action: (journal: Journal) => Promise<T>): Promise<T> {
  const journal = new Journal(join(folder, JOURNAL_FILE), systemClock)
  try {
    return await action(journal)
  } finally {
    await journal.close()
  }
}

const JOURNAL_FILE = 'journal.db'

export interface EveryJournal {
  readonly folders: readonly string[]
  /** Undefined where it does not load; then that is `problem`. */
  readonly config?: Config
  readonly problem?: BursarError
  /** Present where a sandbox runs and does not tell where its journal is. */
  readonly lost?: BursarError
}

/**
 * Every journal that a server of this BURSAR_HOME may sign by, whatever is wrong with the configuration and whether or
 * not this shell has the variables of the server. Throws what is wrong where there is none.
 */
export function everyJournal(): EveryJournal {
  const kept = journalFolders()
  const running = kept.slice(0, 1).flatMap(runningSandboxes)
  const found = [...kept.filter(hasJournal), ...running.flatMap(({ folder }) => folder ?? [])]
  const silent = running.find(({ folder }) => folder === undefined)
  const lost = silent && { lost: notTold(silent) }
  try {
    const config = loadConfig(readEnvironment(), allChains)
    // The one that is configured is made where there is none yet: its server finds it when it starts.
    const own = config.sandbox.embedded && found.length > 0 ? [] : [journalFolder(config)]
    return { folders: [...new Set([...found, ...own])], config, ...lost }
  } catch (error) {
    if (!isBursarError(error, 'config_invalid') || found.length === 0) throw error
    return { folders: [...new Set(found)], problem: error, ...lost }
  }
}

const notTold = ({ pid }: RunningSandbox) =>
  new BursarError('sandbox_unavailable', {
    reason: `sandboxes/${pid}.json of this BURSAR_HOME does not say where the journal of process ${pid} is; remove the file if that is no sandbox`,
  })

const hasJournal = (folder: string) => existsSync(join(folder, JOURNAL_FILE))

/** Throws `sandbox_unavailable` where it cannot be told which. */
export function journalFolder({ home, sandbox: { embedded, stateDir } }: Config): string {
  if (!embedded) return home
  if (stateDir !== undefined) return stateDir
  const running = runningSandboxes(home)
  const [one] = running
  if (one && running.length === 1) {
    if (one.folder === undefined) throw notTold(one)
    return one.folder
  }
  const reason =
    running.length === 0
      ? 'no chain is configured and no sandbox runs, so there is no journal to act on'
      : `${running.length} sandboxes run from this BURSAR_HOME, and it cannot be told which is meant`
  throw new BursarError('sandbox_unavailable', { reason })
}
