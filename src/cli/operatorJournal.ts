import { join } from 'node:path'
import { allChains } from '../chains/allChains.ts'
import { loadConfig } from '../config/loadConfig.ts'
import { readEnvironment } from '../config/readEnvironment.ts'
import type { Config } from '../config/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { systemClock } from '../primitives/clock.ts'
import { runningSandboxes } from '../runtime/runningSandboxes.ts'
import { Journal } from '../store/journal.ts'

/**
 * Runs an operator's command on the journal that the server of this environment uses, and closes it. With nothing
 * configured that is the journal of the sandbox that runs. Throws `sandbox_unavailable` where it cannot be told which.
 */
export async function withOperatorJournal<T>(
  action: (journal: Journal, config: Config) => Promise<T>,
): Promise<T> {
  const config = loadConfig(readEnvironment(), allChains)
  const journal = new Journal(join(journalFolder(config), JOURNAL_FILE), systemClock)
  try {
    return await action(journal, config)
  } finally {
    await journal.close()
  }
}

const JOURNAL_FILE = 'journal.db'

/** Throws `sandbox_unavailable` where it cannot be told which. */
export function journalFolder({ home, sandbox: { embedded, stateDir } }: Config): string {
  if (!embedded) return home
  if (stateDir !== undefined) return stateDir
  const running = runningSandboxes(home)
  const [one] = running
  if (one && running.length === 1) return one.folder
  const reason =
    running.length === 0
      ? 'no chain is configured and no sandbox runs, so there is no journal to act on'
      : `${running.length} sandboxes run from this BURSAR_HOME, and it cannot be told which is meant`
  throw new BursarError('sandbox_unavailable', { reason })
}
