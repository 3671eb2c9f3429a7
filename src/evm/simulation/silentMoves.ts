import { encodeAbiParameters, type Hex, pad, toHex } from 'viem'
import type { DeclaredCall } from '../calls/declaredCalls.ts'
import { APPROVAL, APPROVAL_6909, APPROVAL_FOR_ALL, TRANSFER, TRANSFER_6909 } from '../calls/standards.ts'
import { type Call, type TokenMove, tokenMoves } from '../calls/tokenCalls.ts'
import { moveKeys } from './effects.ts'
import type { RawLog } from './execution.ts'
import type { MadeCall } from './madeCalls.ts'

/**
 * What was called, and was to be called by the payload's own bytes, to move or to allow away what the account has, and
 * no event shows: in the form of the events that ought to be there. Not every token tells.
 */
export function silentMoves(
  account: Hex,
  declared: readonly DeclaredCall[],
  made: readonly MadeCall[],
  logs: readonly RawLog[],
): readonly RawLog[] {
  const owners = new Set([account, ...commandedIn(account, declared)])
  const passed = made.filter((call) => !call.undone && !call.isStatic && !isForwarded(call))
  const done = new Set(passed.map((call) => keyOf({ ...call, input: call.frame.input })))
  const calls: readonly Call[] = [
    ...passed
      .filter(({ frame }) => frame.output !== FALSE)
      .map((call) => ({ ...call, input: call.frame.input })),
    // What failed now may pass when it is mined.
    ...declared.filter((call) => !done.has(keyOf(call))),
  ]
  const told = moveKeys(logs)
  return calls.flatMap((call) => {
    const moves = tokenMoves(call)
    if (moves === undefined || moves === 'unreadable') return []
    return moves
      .filter(({ from, to, raw }) => owners.has(from) && from !== to && raw > 0n)
      .filter((move) => !told.has(`${move.kind} ${move.token} ${move.from} ${move.to}`))
      .map(asLog)
  })
}

export const isCommand = ({ rights }: DeclaredCall) => rights === 'wallet'

/** Contracts that do what the account says: they make calls for it, or lend it all that they have. */
export function commandedIn(account: Hex, declared: readonly DeclaredCall[]): ReadonlySet<Hex> {
  return new Set([...declared.filter(isCommand).map(({ sender }) => sender), ...lentIn(account, declared)])
}

/** Wallets that run by delegatecall what the account names. */
export function lentIn(account: Hex, declared: readonly DeclaredCall[]): ReadonlySet<Hex> {
  const run = declared.filter(({ lent, sender }) => lent && sender === account)
  return new Set(run.map(({ self }) => self))
}

/** A proxy hands the same bytes on: that is one call. */
function isForwarded({ frame, caller }: MadeCall): boolean {
  return frame.type === 'DELEGATECALL' && frame.input === caller?.frame.input
}

const keyOf = ({ sender, self, input }: Call) => `${sender} ${self} ${input}`

/** A token that answers so did nothing. */
const FALSE: Hex = `0x${'0'.repeat(64)}`

function asLog({ kind, token, from, to, raw, of }: TokenMove): RawLog {
  const parties = [pad(from, { size: 32 }), pad(to, { size: 32 })] as const
  if (kind === 'transfer' && of?.standard === 'erc721') {
    const topics = [TRANSFER, ...parties, toHex(of.tokenId, { size: 32 })]
    return { address: token, topics, data: '0x' }
  }
  if (of?.standard === 'erc6909') {
    const id = toHex(of.tokenId, { size: 32 })
    if (kind === 'approval')
      return { address: token, topics: [APPROVAL_6909, ...parties, id], data: toHex(raw, { size: 32 }) }
    const data = encodeAbiParameters([{ type: 'address' }, { type: 'uint256' }], [from, raw])
    return { address: token, topics: [TRANSFER_6909, ...parties, id], data }
  }
  if (kind === 'transfer' && of !== undefined) {
    const data = encodeAbiParameters([{ type: 'uint256' }, { type: 'uint256' }], [of.tokenId, raw])
    return { address: token, topics: [TRANSFER_SINGLE, parties[0], ...parties], data }
  }
  return { address: token, topics: [SIGNATURES[kind], ...parties], data: toHex(raw, { size: 32 }) }
}

const SIGNATURES: Readonly<Record<TokenMove['kind'], Hex>> = {
  transfer: TRANSFER,
  approval: APPROVAL,
  operator: APPROVAL_FOR_ALL,
}
/** keccak256 of TransferSingle(address,address,address,uint256,uint256). */
const TRANSFER_SINGLE: Hex = '0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62'
