import { type Hex, size, slice } from 'viem'
import { type Finding, finding, milderFinding } from '../../primitives/findings.ts'
import { checksum } from '../address.ts'
import { FIRST_SLOT } from '../calls/standards.ts'
import { commandedIn } from '../simulation/silentMoves.ts'
import { createdIn } from './creations.ts'
import type { Evidence } from './evidence.ts'

/** Who rules a contract, before or after. The constructors of contracts that are created here say nothing new. */
export function ownership(evidence: Evidence): readonly Finding[] {
  const { logs, declared, task } = evidence
  const created = createdIn(evidence)
  const { from } = task.payload
  const ours = new Set<Hex>([from, ...commandedIn(from, declared)])
  const told = logs.filter(({ address }) => !created.has(address))
  const events = told.flatMap((log) => {
    const change = EVENTS.get(log.topics[0] ?? '0x')?.(log.address, wordsOf(log))
    return change === undefined ? [] : [{ ...change, at: log.address }]
  })
  const known = new Set(events.map(({ at, loser }) => `${at} ${loser}`))
  const silent = silentLosses(evidence, ours).filter(
    ({ at, loser }) => !known.has(`${at} ${loser}`) && !created.has(at),
  )
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

type Reader = (at: Hex, words: Words) => Change

const replaced: Reader = (at, [before, after]) => {
  const [loser, winner] = [partyOf(before), partyOf(after)]
  return { loser, winner, detail: `the owner of ${at} becomes ${winner}, not ${loser}` }
}

/** What somebody may say in a wallet is taken from all that it belongs to. */
const ofSafe =
  (detail: (at: Hex, party: Hex) => string): Reader =>
  (at, [party]) => ({ loser: at, detail: detail(at, partyOf(party)) })

const guarded = (at: Hex, to: Hex) => `the wallet ${at} asks the guard ${to} from now on whether it may`

/** By keccak256 of what each line names. */
const EVENTS: ReadonlyMap<Hex, Reader> = new Map([
  // OwnershipTransferred(address,address)
  ['0x8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0', replaced],
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
  // OwnerUpdated(address,address) and NewAdmin(address,address)
  ['0x8292fce18fa69edf4db7b94ea2e58241df0ae57f97e0a6c9b29067028bf92d76', replaced],
  ['0xf9ffabca9c8276e99321725bcb43fb076a6c66a54b7f21c4e8146d8519b417dc', replaced],
  // LogSetOwner(address), which does not say whom it was taken from.
  [
    '0xce241d7ca1f669fee44b6fc00b8eba2df3bb514eed0f6f668f8f89096e81ed94',
    (at, [after]) => ({ detail: `the owner of ${at} becomes ${partyOf(after)}` }),
  ],
  // Of a Safe: AddedOwner(address), RemovedOwner(address), EnabledModule(address), ChangedGuard(address),
  // ChangedModuleGuard(address), ChangedFallbackHandler(address), ChangedThreshold(uint256).
  [
    '0x9465fa0c962cc76958e6373a993326400c1c94f8be2fe3a952adfa7f60b2ea26',
    ofSafe((at, to) => `${to} becomes an owner of the wallet ${at}`),
  ],
  [
    '0xf8d49fc529812e9a7c5c50e69c20f0dccc0db8fa95c98bc58cc9a4f1c1299eaf',
    ofSafe((at, from) => `${from} is no longer an owner of the wallet ${at}`),
  ],
  [
    '0xecdf3a3effea5783a3c4c2140e677577666428d44ed9d474a0b3a4c9943f8440',
    ofSafe((at, to) => `the wallet ${at} obeys the module ${to} from now on`),
  ],
  ['0x1151116914515bc0891ff9047a6cb32cf902546f83066499bcf8ba33d2353fa2', ofSafe(guarded)],
  ['0xcd1966d6be16bc0c030cc741a06c6e0efaf8d00de2c8b6a9e11827e125de8bb8', ofSafe(guarded)],
  [
    '0x5ac6c46c93c8d0e53714ba3b53db3e7c046da994313d7ed0d192028bc7c228b0',
    ofSafe((at, to) => `the wallet ${at} hands what it does not know itself to ${to} from now on`),
  ],
  [
    '0x610f7ff2b304ae8903c3de74c60c6ab1f7d6226b3f52c5161905bb5ad4039c93',
    (at, [threshold = '0x0']) => {
      const detail = `the wallet ${at} does what ${BigInt(threshold)} of its owners agree to from now on`
      return { loser: at, detail }
    },
  ],
])

/** Where contracts keep what they rule by for certain: the first slot, and that of OpenZeppelin's Ownable (ERC-7201). */
const OWNER_SLOTS: ReadonlySet<Hex> = new Set([
  FIRST_SLOT,
  '0x9016d09d72d40fdae2fd8ceac6b6234c7706214fd39c1cd1e609a0528c199300',
])
/** Variables have the first slots one after the other; what lists and mappings hold is elsewhere. */
const MOST_VARIABLES = 256n

/** The account, or a wallet of its, was what a contract names as its owner and is not, and no event says so. */
function silentLosses({ changes }: Evidence, ours: ReadonlySet<Hex>) {
  return [...(changes ?? [])].flatMap(([at, { storage }]) => {
    const words = [...storage].filter(([slot]) => OWNER_SLOTS.has(slot) || BigInt(slot) < MOST_VARIABLES)
    return [...ours].flatMap((loser) => {
      const own = loser.slice(2).toLowerCase()
      // Who becomes the owner is the heir no more.
      if (words.some(([, { before, after }]) => !holds(before, own) && holds(after, own))) return []
      return words.flatMap(([slot, change]) => {
        const winner = inPlaceOf(own, change)
        if (winner === undefined || (winner === ZERO && !OWNER_SLOTS.has(slot))) return []
        return [{ at, loser, winner, detail: `the owner of ${at} seems to become ${winner}, not ${loser}` }]
      })
    })
  })
}

/** Small variables share a word. Undefined where the word does not hold the address, or goes on to. */
function inPlaceOf(own: string, { before, after }: { readonly before: Hex; readonly after: Hex }) {
  if (!holds(before, own) || holds(after, own)) return undefined
  const place = before.toLowerCase().indexOf(own)
  return checksum(`0x${after.slice(place, place + own.length)}`)
}

const holds = (word: Hex, own: string) => word.toLowerCase().includes(own)
