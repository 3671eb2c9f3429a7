import { decodeEventLog, type Hex, size, slice, zeroAddress } from 'viem'
import type { Effect } from '../../chains/adapter.ts'
import { isBursarError } from '../../errors/bursarError.ts'
import { checksum } from '../address.ts'
import { erc20Abi, erc721Abi, erc1155Abi, erc6909Abi } from '../calls/abi.ts'
import {
  APPROVAL,
  APPROVAL_6909,
  APPROVAL_FOR_ALL,
  type CollectionStandard,
  OPERATOR_SET,
  TRANSFER,
  TRANSFER_6909,
} from '../calls/standards.ts'
import type { EvmAssets } from '../reads/assets.ts'
import { NATIVE_TOKEN, type RawLog } from './execution.ts'
import { requireJudgeable } from './logs.ts'

const MAX_TOKENS = 100

/**
 * What moves and what is allowed to others in each run, as the logs of the contracts tell. Tokens seen for the first
 * time are looked up, those of all runs at once. Throws `effects_too_many`.
 */
export async function effectsOf(
  runs: readonly (readonly RawLog[])[],
  assets: EvmAssets,
  signal: AbortSignal,
): Promise<readonly (readonly Effect[])[]> {
  const moves = runs.map((logs) =>
    logs.flatMap((log) => movesOf(log).map((move) => ({ ...move, contract: log.address }))),
  )
  const fungible = moves.flat().filter(({ of }) => of === undefined)
  const tokens = new Set(fungible.map(({ contract }) => contract))
  tokens.delete(NATIVE_TOKEN)
  requireJudgeable(tokens.size, 'different tokens', MAX_TOKENS)
  const known = await assets.tokens([...tokens], signal)
  const assetOf = (contract: Hex, of: Move['of']) => {
    if (of) return assets.collectible(contract, of.standard, of.tokenId)
    // What moves is judged and shown even when its contract does not say what it is.
    return contract === NATIVE_TOKEN ? assets.native : (known.get(contract) ?? assets.unreadable(contract))
  }
  return moves.map((run) =>
    run.map(({ contract, of, ...move }): Effect => ({ ...move, asset: assetOf(contract, of) })),
  )
}

/** Who moves what of which contract to whom, as the logs tell, without the amounts. Throws `effects_too_many`. */
export function moveKeys(logs: readonly RawLog[]): ReadonlySet<string> {
  return new Set(
    logs.flatMap((log) =>
      [...movesOf(log), ...unindexedMoves(log)].map(({ kind, from, to }) => {
        return `${kind} ${log.address} ${from} ${to}`
      }),
    ),
  )
}

/** The first collections index nothing: what they move cannot be told from an amount. */
function unindexedMoves({ topics, data }: RawLog): readonly Pick<Move, 'kind' | 'from' | 'to'>[] {
  const kind = UNINDEXED.get(topics[0] ?? '0x')
  if (kind === undefined || topics.length !== 1 || size(data) !== 96) return []
  const party = (at: number) => checksum(slice(data, at + 12, at + 32))
  return [{ kind, from: party(0), to: party(32) }]
}

const UNINDEXED: ReadonlyMap<Hex, Move['kind']> = new Map([
  [TRANSFER, 'transfer'],
  [APPROVAL, 'approval'],
])

type Move = Omit<Effect, 'asset'> & {
  /** Which thing of a collection, or the whole of it; absent for what is counted. */
  readonly of?: { readonly standard: CollectionStandard; readonly tokenId?: bigint }
}

/** Throws `effects_too_many`. */
function movesOf({ topics, data }: RawLog): readonly Move[] {
  const [signature, ...indexed] = topics
  if (signature === undefined) return []
  try {
    // ERC-20 and ERC-721 share signatures; the latter index one parameter more.
    if (indexed.length === 3) return collectibleMoves([signature, ...indexed], data)
    if (indexed.length === 2) return countedMoves([signature, ...indexed], data)
  } catch (error) {
    if (isBursarError(error)) throw error
    // An event of another kind, or one that does not hold what its signature says.
  }
  return []
}

type Topics = [Hex, ...Hex[]]

function countedMoves(topics: Topics, data: Hex): readonly Move[] {
  if (topics[0] === APPROVAL_FOR_ALL) {
    const { args } = decodeEventLog({ abi: erc721Abi, eventName: 'ApprovalForAll', topics, data } as const)
    const { owner, operator, approved } = args
    return [
      { kind: 'operator', from: owner, to: operator, raw: approved ? 1n : 0n, of: { standard: 'erc721' } },
    ]
  }
  if (topics[0] === OPERATOR_SET) {
    const { args } = decodeEventLog({ abi: erc6909Abi, eventName: 'OperatorSet', topics, data } as const)
    const { owner, spender, approved } = args
    const of = { standard: 'erc6909' } as const
    return [{ kind: 'operator', from: owner, to: spender, raw: approved ? 1n : 0n, of }]
  }
  const { eventName, args } = decodeEventLog({ abi: erc20Abi, topics, data })
  return eventName === 'Transfer'
    ? [{ kind: 'transfer', from: args.from, to: args.to, raw: args.amount }]
    : [{ kind: 'approval', from: args.owner, to: args.spender, raw: args.amount }]
}

function collectibleMoves(topics: Topics, data: Hex): readonly Move[] {
  if (data === '0x') {
    const event = decodeEventLog({ abi: erc721Abi, topics, data })
    if (event.eventName === 'ApprovalForAll') return []
    const of = { standard: 'erc721', tokenId: event.args.tokenId } as const
    if (event.eventName === 'Transfer')
      return [{ kind: 'transfer', from: event.args.from, to: event.args.to, raw: 1n, of }]
    const { owner, spender } = event.args
    // Nobody may take it any more: many collections say so with each transfer.
    const raw = spender === zeroAddress ? 0n : 1n
    return [{ kind: 'approval', from: owner, to: spender, raw, of }]
  }
  if (topics[0] === TRANSFER_6909 || topics[0] === APPROVAL_6909) return [moveOfKind(topics, data)]
  const { eventName, args } = decodeEventLog({ abi: erc1155Abi, topics, data })
  const { from, to } = args
  const move = (tokenId: bigint, raw: bigint): Move => {
    return { kind: 'transfer', from, to, raw, of: { standard: 'erc1155', tokenId } }
  }
  if (eventName === 'TransferSingle') return [move(args.id, args.amount)]
  requireJudgeable(args.ids.length)
  return args.ids.map((tokenId, index) => move(tokenId, args.amounts[index] ?? 0n))
}

/** ERC-6909: so many of one kind. */
function moveOfKind(topics: Topics, data: Hex): Move {
  const event = decodeEventLog({ abi: erc6909Abi, topics, data })
  if (event.eventName === 'OperatorSet') throw new TypeError('an event of all kinds')
  const { id: tokenId, amount: raw } = event.args
  const of = { standard: 'erc6909', tokenId } as const
  if (event.eventName === 'Approval')
    return { kind: 'approval', from: event.args.owner, to: event.args.spender, raw, of }
  return { kind: 'transfer', from: event.args.sender, to: event.args.receiver, raw, of }
}
