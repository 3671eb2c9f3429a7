import { allChains } from '../chains/allChains.ts'
import { createRegistry } from '../chains/registry.ts'
import type { Config } from '../config/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { type Halt, type HaltScope, HaltStore, haltScope } from '../store/halts.ts'
import { withOperatorJournal } from './operatorJournal.ts'
import { print } from './output.ts'

/** Stops signing, and says what else is stopped. It asks no chain and no Redis: the journal is all that it needs. */
export async function halt(scope: HaltScope, reason: string): Promise<void> {
  await withOperatorJournal(async (journal, config) => {
    const halts = new HaltStore(journal)
    const { wallet } = scope
    const isKnown = wallet === undefined || config.wallets.some(({ name }) => name === wallet.toLowerCase())
    if (!isKnown && !(await halts.isKnown(wallet)))
      print(`Nothing was ever prepared for a wallet "${wallet}" here: check its name or address.`)
    const begun = await halts.halt(resolved(scope, config), reason)
    print(`Signing is halted ${haltScope(begun)} since ${begun.since}: ${begun.reason}`)
    print('Nothing more is signed. What was sent before goes on being followed. "bursar resume" ends it.')
    printHalts((await halts.list()).filter((one) => haltScope(one) !== haltScope(begun)))
  })
}

/** Ends a halt, or every one. Exit code 1 when there was none of that scope. Throws `input_invalid`. */
export async function resume(scope: HaltScope | 'all'): Promise<void> {
  // An empty variable of a shell must not end what was stopped for everybody.
  if (scope !== 'all' && (scope.wallet === '' || scope.chain === ''))
    throw new BursarError('input_invalid', {
      tool: 'resume',
      problems: ['--wallet and --chain name something'],
    })
  await withOperatorJournal(async (journal, config) => {
    const halts = new HaltStore(journal)
    const lifted = await halts.resume(scope === 'all' ? 'all' : resolved(scope, config))
    for (const one of lifted) print(`Signing goes on ${haltScope(one)}.`)
    if (lifted.length === 0) {
      print(`Signing was not halted ${scope === 'all' ? 'anywhere' : haltScope(scope)}.`)
      process.exitCode = 1
    }
    printHalts(await halts.list())
  })
}

function printHalts(halts: readonly Halt[]): void {
  for (const one of halts) {
    print(`It is also halted ${haltScope(one)} since ${one.since}: ${one.reason}`)
  }
}

/** With the chain by its id. Throws `chain_unknown`. */
function resolved({ wallet, chain }: HaltScope, config: Config): HaltScope {
  const id = chain === undefined ? undefined : createRegistry(allChains, config.chains).resolve(chain).id
  return { ...(wallet !== undefined && { wallet }), ...(id !== undefined && { chain: id }) }
}
