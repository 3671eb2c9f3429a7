import { encodeAbiParameters, type Hex, keccak256, pad, zeroAddress } from 'viem'
import { type Finding, finding } from '../../primitives/findings.ts'
import type { Evidence } from './evidence.ts'
import { named } from './named.ts'

/**
 * Contracts, save those in `known`, that note more than before in the name of Multicall3 when it calls them: a deposit, a
 * share, a vote. What they note they keep by address among their first variables, or by address and token.
 */
export function multicallCredits(
  { made = [], multicall3, changes }: Evidence,
  known: ReadonlySet<string>,
): readonly Finding[] {
  if (!multicall3 || !changes || !made.some(({ self }) => self === multicall3)) return []
  const own = slotsOf(multicall3)
  const contracts = [...changes].flatMap(([address, { storage }]) => {
    const grows = [...storage].some(
      ([slot, { before, after }]) => own.has(slot) && BigInt(after) > BigInt(before),
    )
    return grows && !known.has(address) ? [address] : []
  })
  if (contracts.length === 0) return []
  const detail = `${named(contracts)} would note something in the name of Multicall3, which calls it: if that can be taken out, anybody can`
  return [finding('credited-to-multicall', detail)]
}

/** Variables of a contract, those of its ancestors first, that are looked at. */
const MOST_VARIABLES = 64

/**
 * Where mappings keep what an address has (docs.soliditylang.org, "Layout of State Variables in Storage"): by address
 * alone, and by it and a token, in either order, where the zero address stands for native tokens.
 */
function slotsOf(account: Hex): ReadonlySet<Hex> {
  const slots = Array.from({ length: MOST_VARIABLES }, (_, variable) => {
    const alone = entryOf(account, BigInt(variable))
    const ofNative = entryOf(zeroAddress, BigInt(variable))
    return [alone, entryOf(zeroAddress, BigInt(alone)), entryOf(account, BigInt(ofNative))]
  })
  return new Set(slots.flat())
}

function entryOf(key: Hex, mapping: bigint): Hex {
  const words = [{ type: 'bytes32' }, { type: 'uint256' }] as const
  return keccak256(encodeAbiParameters(words, [pad(key, { size: 32 }), mapping]))
}
