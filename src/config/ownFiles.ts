import { statSync } from 'node:fs'
import { join } from 'node:path'
import type { Findings } from './findings.ts'

const EVERYBODY_WRITES = 0o002
const GROUP_WRITES = 0o020
const OTHERS_READ = 0o044

/**
 * Who else may change what an operator has set (T37): whoever writes the folder can put another `.env`, other wallets, and
 * the key of another person who approves in the place of those that are there. A group may be meant: that is told.
 */
export function checkOwnFiles(home: string, policyFile: string | undefined, findings: Findings): void {
  const environment = join(home, '.env')
  for (const path of [home, environment, policyFile ?? join(home, 'policy.json')]) {
    const mode = modeOf(path)
    const shown = `(mode ${mode.toString(8)})`
    if ((mode & EVERYBODY_WRITES) !== 0) {
      findings.problem(
        `${path} can be changed by every user of this machine ${shown}, and with it limits, wallets and approvals: chmod o-w it`,
      )
    } else if ((mode & GROUP_WRITES) !== 0) {
      findings.warning(
        `${path} can be changed by the users of its group ${shown}, and with it limits, wallets and approvals`,
      )
    }
  }
  const mode = modeOf(environment)
  if ((mode & OTHERS_READ) !== 0)
    findings.warning(`${environment} can be read by other users (mode ${mode.toString(8)}): chmod 600 it`)
}

/** Permissions; none for what is not there, or cannot be looked at: whoever needs it says so. */
function modeOf(path: string): number {
  try {
    return statSync(path).mode & 0o777
  } catch {
    return 0
  }
}
