import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from './types.ts'

/** Where the operator's rules are: POLICY_FILE, else policy.json in BURSAR_HOME when it is there. */
export function policyPath({ policyFile, home }: Pick<Config, 'policyFile' | 'home'>): string | undefined {
  if (policyFile !== undefined) return policyFile
  const usual = join(home, 'policy.json')
  return existsSync(usual) ? usual : undefined
}
