import { type Hex, size, slice } from 'viem'
import { type Finding, finding } from '../../primitives/findings.ts'
import { checksum } from '../address.ts'
import { DELEGATION, IMPLEMENTATION_SLOT, OLD_IMPLEMENTATION_SLOT } from '../calls/standards.ts'
import { createdIn } from './creations.ts'
import type { Evidence } from './evidence.ts'

/** Contracts that will run other code from now on. Those that are created here have no earlier one. */
export function upgrades(evidence: Evidence): readonly Finding[] {
  const created = createdIn(evidence)
  // The state knows better than an event what became of it.
  const found = new Map([...told(evidence), ...seen(evidence)])
  return [...found].flatMap(([address, detail]) => (created.has(address) ? [] : [finding('upgrade', detail)]))
}

type Upgrade = readonly [address: string, detail: string]

function told({ logs }: Evidence): readonly Upgrade[] {
  return logs.flatMap(({ address, topics: [signature, to, ...more] }) => {
    const what = EVENTS.get(signature ?? '0x')
    if (what === undefined || to === undefined || more.length > 0) return []
    return [[address, `${address} says that its ${what} is now ${addressOf(to)}`] as const]
  })
}

function seen({ changes }: Evidence): readonly Upgrade[] {
  return [...(changes ?? [])].flatMap(([address, { storage, code }]) => {
    const slots = SLOTS.flatMap(([slot, what]) => {
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

/** keccak256(name) - 1, of EIP-1967; the last is OpenZeppelin's from before it. */
const SLOTS: readonly (readonly [Hex, string])[] = [
  [IMPLEMENTATION_SLOT, 'implementation'],
  ['0xb53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103', 'admin'],
  ['0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50', 'beacon'],
  [OLD_IMPLEMENTATION_SLOT, 'implementation'],
]

/** keccak256 of Upgraded(address) and BeaconUpgraded(address). */
const EVENTS: ReadonlyMap<Hex, string> = new Map([
  ['0xbc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b', 'implementation'],
  ['0x1cf3b03a6cf19fa2baba4df148e9dcabedea7f8a5c07840e207e5c089be95d3e', 'beacon'],
])
