import { type Hex, size, slice } from 'viem'
import { type Finding, finding, milderFinding } from '../../primitives/findings.ts'
import { checksum } from '../address.ts'
import { DELEGATION, FIRST_SLOT, IMPLEMENTATION_SLOT, OLD_IMPLEMENTATION_SLOT } from '../calls/standards.ts'
import { commandedIn } from '../simulation/silentMoves.ts'
import { createdIn } from './creations.ts'
import type { Evidence } from './evidence.ts'

/**
 * Contracts that will run other code from now on. Those that are created here have no earlier one. Whoever's code a
 * wallet of the account runs has all that is in it.
 */
export function upgrades(evidence: Evidence): readonly Finding[] {
  const { from } = evidence.task.payload
  const ours = new Set<string>([from, ...commandedIn(from, evidence.declared)])
  const created = createdIn(evidence)
  // The state knows better than an event what became of it.
  const found = new Map([...told(evidence), ...seen(evidence)])
  return [...found].flatMap(([address, detail]) => {
    if (created.has(address)) return []
    return [ours.has(address) ? finding('upgrade', detail) : milderFinding('upgrade', detail)]
  })
}

type Upgrade = readonly [address: string, detail: string]

function told({ logs }: Evidence): readonly Upgrade[] {
  return logs.flatMap(({ address, topics: [signature, to, ...more] }): readonly Upgrade[] => {
    if (signature === DIAMOND_CUT) return [[address, `${address} says that its facets are now others`]]
    const what = EVENTS.get(signature ?? '0x')
    if (what === undefined || to === undefined || more.length > 0) return []
    return [[address, `${address} says that its ${what} is now ${addressOf(to)}`]]
  })
}

function seen({ changes, made = [] }: Evidence): readonly Upgrade[] {
  const runs = new Set(made.map(({ self, code }) => `${self} ${code}`))
  return [...(changes ?? [])].flatMap(([address, { storage, code }]) => {
    // Many a contract keeps another thing there.
    const first = addressOf(storage.get(FIRST_SLOT)?.before ?? '0x')
    const known = runs.has(`${address} ${first}`) ? [...SLOTS, FIRST] : SLOTS
    const slots = known.flatMap(([slot, what]) => {
      const change = storage.get(slot)
      if (!change || change.before === change.after) return []
      const [before, after] = [addressOf(change.before), addressOf(change.after)]
      return [[address, `the ${what} of ${address} becomes ${after}, not ${before}`] as const]
    })
    return code && isReplaced(code)
      ? [...slots, [address, `the code of ${address} becomes another`] as const]
      : slots
  })
}

/** Also to nothing: but that is a destruction, which is told by its own name. */
function isReplaced({ before, after }: { readonly before: Hex; readonly after: Hex }): boolean {
  const isDelegation = before.startsWith(DELEGATION) || after.startsWith(DELEGATION)
  return before !== '0x' && after !== '0x' && before !== after && !isDelegation
}

function addressOf(word: Hex): string {
  return size(word) === 32 ? checksum(slice(word, 12)) : word
}

/** Where Safes keep whose code they run, and other proxies of the first kind. */
const FIRST = [FIRST_SLOT, 'implementation'] as const

/** keccak256(name) - 1, of EIP-1967; the last is OpenZeppelin's from before it. */
const SLOTS: readonly (readonly [Hex, string])[] = [
  [IMPLEMENTATION_SLOT, 'implementation'],
  ['0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103', 'admin'],
  ['0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50', 'beacon'],
  [OLD_IMPLEMENTATION_SLOT, 'implementation'],
]

/** keccak256 of DiamondCut((address,uint8,bytes4[])[],address,bytes), of EIP-2535. */
const DIAMOND_CUT: Hex = '0x8faa70878671ccd212d20771b795c50af8fd3ff6cf27f4bde57e5d4de0aeb673'

/** keccak256 of Upgraded(address) and BeaconUpgraded(address). */
const EVENTS: ReadonlyMap<Hex, string> = new Map([
  ['0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b', 'implementation'],
  ['0x1cf3b03a6cf19fa2baba4df148e9dcabedea7f8a5c07840e207e5c089be95d3e', 'beacon'],
])
