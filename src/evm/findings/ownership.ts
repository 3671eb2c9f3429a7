import { type Hex, pad, size, slice } from 'viem'
import { type Finding, finding, milderFinding } from '../../primitives/findings.ts'
import { checksum } from '../address.ts'
import { isCommand } from '../simulation/silentMoves.ts'
import { createdIn } from './creations.ts'
import type { Evidence } from './evidence.ts'

/** Who rules a contract, before or after. The constructors of contracts that are created here say nothing new. */
export function ownership(evidence: Evidence): readonly Finding[] {
  const { logs, declared, task } = evidence
  const created = createdIn(evidence)
  const ours = new Set<Hex>([task.payload.from, ...declared.filter(isCommand).map(({ sender }) => sender)])
  const told = logs.filter(({ address }) => !created.has(address))
  const events = told.flatMap((log) => {
    const change = EVENTS.get(log.topics[0] ?? '0x')?.(log.address, wordsOf(log))
    return change === undefined ? [] : [{ ...change, at: log.address }]
  })
  const known = new Set(events.map(({ at }) => at))
  const silent = silentLosses(evidence).filter(({ at }) => !known.has(at) && !created.has(at))
  return [...events, ...silent].map(({ loser, winner, detail }) => {
    const isLost = loser !== undefined && ours.has(loser) && loser !== winner
    return isLost ? finding('ownership-change', detail) : milderFinding('ownership-change', detail)
  })
}

interface Change {
  /** Who can do less with the contract afterwards, or is no longer the only one who can. */
  readonly loser?: Hex
  readonly winner?: Hex
  readonly detail: string
}

type Words = readonly Hex[]

/** Indexed parameters, then others: contracts differ in which they index. */
function wordsOf({ topics, data }: Evidence['logs'][number]): Words {
  const rest = Array.from({ length: Math.floor(size(data) / 32) }, (_, at) =>
    slice(data, 32 * at, 32 * at + 32),
  )
  return [...topics.slice(1), ...rest]
}

function partyOf(word: Hex | undefined): Hex {
  return checksum(word === undefined || size(word) !== 32 ? ZERO : slice(word, 12))
}

const ZERO: Hex = `0x${'0'.repeat(40)}`

/** By keccak256 of what each line names. */
const EVENTS: ReadonlyMap<Hex, (at: Hex, words: Words) => Change | undefined> = new Map([
  // OwnershipTransferred(address,address)
  [
    '0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0',
    (at, [before, after]) => {
      const [loser, winner] = [partyOf(before), partyOf(after)]
      return { loser, winner, detail: `the owner of ${at} becomes ${winner}, not ${loser}` }
    },
  ],
  // OwnershipTransferStarted(address,address)
  [
    '0x38d16b8cac22d99fc7c124b9cd0de2d3fa1faef420bfe791d8c362d765e22700',
    (at, [before, after]) => {
      const [loser, winner] = [partyOf(before), partyOf(after)]
      return {
        loser,
        winner,
        detail: `${winner} may become the owner of ${at} whenever it wants, in place of ${loser}`,
      }
    },
  ],
  // RoleGranted(bytes32,address,address)
  [
    '0x2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d',
    (at, [role, to, by]) => {
      const [loser, winner] = [partyOf(by), partyOf(to)]
      return { loser, winner, detail: `${loser} gives ${winner} the role ${role} of ${at}` }
    },
  ],
  // RoleRevoked(bytes32,address,address)
  [
    '0xf6391f5c32d9c69d2a47ea670b442974b53935d1edc7fd64eb21e047a839171b',
    (at, [role, from]) => {
      const loser = partyOf(from)
      return { loser, detail: `${loser} loses the role ${role} of ${at}` }
    },
  ],
  // AddedOwner(address), RemovedOwner(address), EnabledModule(address): of a Safe.
  [
    '0x9465fa0c962cc76958e6373a993326400c1c94f8be2fe3a952adfa7f60b2ea26',
    (at, [to]) => ({ loser: at, detail: `${partyOf(to)} becomes an owner of the wallet ${at}` }),
  ],
  [
    '0xf8d49fc529812e9a7c5c50e69c20f0dccc0db8fa95c98bc58cc9a4f1c1299eaf',
    (at, [from]) => ({ loser: at, detail: `${partyOf(from)} is no longer an owner of the wallet ${at}` }),
  ],
  [
    '0xecdf3a3effea5783a3c4c2140e677577666428d44ed9d474a0b3a4c9943f8440',
    (at, [to]) => ({ loser: at, detail: `the wallet ${at} obeys the module ${partyOf(to)} from now on` }),
  ],
])

/** Where contracts keep their owner: the first slot, and that of OpenZeppelin's Ownable for proxies (ERC-7201). */
const OWNER_SLOTS: readonly Hex[] = [
  `0x${'0'.repeat(64)}`,
  '0x9016d09d72d40fdae2fd8ceac6b6234c7706214fd39c1cd1e609a0528c199300',
]

/** The account was the owner and is not, and no event says so. */
function silentLosses({ changes, task }: Evidence): readonly (Change & { readonly at: Hex })[] {
  const account = task.payload.from
  const own = pad(account, { size: 32 }).toLowerCase()
  return [...(changes ?? [])].flatMap(([at, { storage }]) =>
    OWNER_SLOTS.flatMap((slot) => {
      const change = storage.get(slot)
      if (change?.before.toLowerCase() !== own || change.after.toLowerCase() === own) return []
      const winner = partyOf(change.after)
      return [
        {
          at,
          loser: account,
          winner,
          detail: `the owner of ${at} seems to become ${winner}, not ${account}`,
        },
      ]
    }),
  )
}
