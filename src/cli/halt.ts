import { allChains } from '../chains/allChains.ts'
import { createRegistry } from '../chains/registry.ts'
import type { Config } from '../config/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { type Halt, type HaltScope, HaltStore, haltScope } from '../store/halts.ts'
import type { Journal } from '../store/journal.ts'
import { type EveryJournal, everyJournal, withJournal } from './operatorJournal.ts'
import { print } from './output.ts'

/**
 * Stops signing in every journal of BURSAR_HOME, and says what else is stopped. It asks no chain and no Redis, and needs no
 * configuration that loads: somebody who has to stop everything has not the time to mend one. Throws what it could not do
 * when it has done the rest.
 */
export async function halt(scope: HaltScope, reason: string): Promise<void> {
  const every = everyJournal()
  const { config, problem } = every
  const named = resolved(scope, config)
  if (problem)
    print(`The configuration does not load, so every journal there is is halted. ${problem.message}`)
  let known = named.wallet === undefined || isConfigured(named.wallet, config)
  await inEach(every, async (journal) => {
    const halts = new HaltStore(journal)
    known ||= named.wallet !== undefined && (await halts.isKnown(named.wallet))
    const begun = await halts.halt(named, reason)
    print(`Signing is halted ${haltScope(begun)} since ${begun.since}: ${begun.reason}`)
    printHalts((await halts.list()).filter((one) => haltScope(one) !== haltScope(begun)))
  })
  if (!known)
    print(`Nothing was ever prepared for a wallet "${named.wallet}" here: check its name or address.`)
  print('Nothing more is signed. What was sent before goes on being followed. "bursar resume" ends it.')
}

/** Ends a halt, or every one, in every journal. Exit code 1 when there was none of that scope. Throws `input_invalid`. */
export async function resume(scope: HaltScope | 'all'): Promise<void> {
  // An empty variable of a shell must not end what was stopped for everybody.
  if (scope !== 'all' && (scope.wallet === '' || scope.chain === ''))
    throw new BursarError('input_invalid', {
      tool: 'resume',
      problems: ['--wallet and --chain name something'],
    })
  const every = everyJournal()
  const { config, problem } = every
  // Whoever lets signing go on has the time to mend it.
  if (problem) throw problem
  const named = scope === 'all' ? scope : resolved(scope, config)
  let ended = 0
  await inEach(every, async (journal) => {
    const halts = new HaltStore(journal)
    const lifted = await halts.resume(named)
    ended += lifted.length
    for (const one of lifted) print(`Signing goes on ${haltScope(one)}.`)
    printHalts(await halts.list())
  })
  if (ended > 0) return
  print(`Signing was not halted ${scope === 'all' ? 'anywhere' : haltScope(scope)}.`)
  process.exitCode = 1
}

/** One after the other, each named where there are several. Throws the first failure when all have had their turn. */
async function inEach(
  { folders, lost }: EveryJournal,
  action: (journal: Journal) => Promise<void>,
): Promise<void> {
  const failures: unknown[] = []
  for (const folder of folders) {
    if (folders.length > 1) print(`${folder}:`)
    await withJournal(folder, action).catch((error: unknown) => failures.push(error))
  }
  if (lost) failures.push(lost)
  if (failures.length > 0) throw failures[0]
}

const isConfigured = (wallet: string, config?: Config) =>
  config?.wallets.some(({ name }) => name === wallet.toLowerCase()) ?? false

function printHalts(halts: readonly Halt[]): void {
  for (const one of halts) {
    print(`It is also halted ${haltScope(one)} since ${one.since}: ${one.reason}`)
  }
}

/** With the chain by its id. Throws `chain_unknown`. */
function resolved({ wallet, chain }: HaltScope, config?: Config): HaltScope {
  const id = chain === undefined ? undefined : createRegistry(allChains, config?.chains).resolve(chain).id
  return { ...(wallet !== undefined && { wallet }), ...(id !== undefined && { chain: id }) }
}
