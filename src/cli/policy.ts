import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { allChains } from '../chains/allChains.ts'
import { loadConfig } from '../config/loadConfig.ts'
import { policyPath } from '../config/policyPath.ts'
import { readEnvironment } from '../config/readEnvironment.ts'
import { BursarError } from '../errors/bursarError.ts'
import { runCases } from '../policy/cases.ts'
import type { RuleBook } from '../policy/rules/rules.ts'
import { unknownWallets } from '../policy/unknownWallets.ts'
import { systemClock } from '../primitives/clock.ts'
import { makeFolder } from '../primitives/makeFolder.ts'
import { loadRules, loadRulesAgain, reloadMark } from '../runtime/policyFile.ts'
import { openWallets } from '../wallets/openWallets.ts'
import { print } from './output.ts'

/** Throws `policy_invalid` with every problem of the file; what is right and looks wrong is told. */
export function checkPolicy(file: string | undefined): void {
  const config = loadConfig(readEnvironment(), allChains)
  const path = file === undefined ? policyPath(config) : resolve(file)
  if (path === undefined) {
    print('There is no policy file: POLICY_FILE is not set, and BURSAR_HOME holds no policy.json.')
    return
  }
  const book = rulesAt(path)
  print(`${path}: ${book.size} rules, sha256 ${book.digest.slice(2)}`)
  const { book: wallets, broken } = openWallets(config, systemClock)
  for (const warning of unknownWallets(book, [...wallets.names(), ...broken.keys()]))
    print(`warning: ${warning}`)
}

/** Prints each case that fails, and ends with exit code 1 when one does. */
export function testPolicy(file: string, cases: string): void {
  const results = runCases(textOf(cases), rulesAt(resolve(file)), allChains)
  const failed = results.filter(({ passed }) => !passed)
  for (const { name, expected, found } of failed)
    print(`FAIL ${name}\n     expected ${expected}\n     found ${found}`)
  print(`${results.length - failed.length} of ${results.length} cases hold`)
  if (failed.length > 0) process.exitCode = 1
}

/** The servers look for the mark; a file that is wrong is refused here, before any of them reads it. */
export function reloadPolicy(): void {
  const config = loadConfig(readEnvironment(), allChains)
  const { digest, size } = loadRulesAgain(config, allChains)
  makeFolder(config.home)
  writeFileSync(reloadMark(config.home), `${digest} ${randomUUID()}\n`, { mode: 0o600 })
  print(`The servers of ${config.home} load ${size} rules, sha256 ${digest.slice(2)}, within a second.`)
  print('get_wallets shows the sum of the rules that hold; what could not be loaded is in their logs.')
}

const rulesAt = (path: string): RuleBook => loadRules({ policyFile: path, home: '' }, allChains)

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new BursarError('policy_invalid', { problems: [`${path} cannot be read (${reason})`] })
  }
}
