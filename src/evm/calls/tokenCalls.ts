import { type AbiFunction, decodeAbiParameters, type Hex, parseAbiItem, toFunctionSelector } from 'viem'
import type { CollectionStandard } from './standards.ts'

/** What the call of a token's function moves, or allows to be moved, by its own words. */
export interface TokenMove {
  readonly kind: 'transfer' | 'approval' | 'operator'
  readonly token: Hex
  readonly from: Hex
  readonly to: Hex
  readonly raw: bigint
  /** What it is of, when the function belongs to collections only. */
  readonly of?: { readonly standard: CollectionStandard; readonly tokenId: bigint }
}

export interface Call {
  /** `msg.sender`. */
  readonly sender: Hex
  /** The contract whose storage it works on. */
  readonly self: Hex
  readonly input: Hex
}

/** Undefined when it is no function that we know tokens by; `unreadable` when it is one, with arguments that are not. */
export function tokenMoves(call: Call): readonly TokenMove[] | 'unreadable' | undefined {
  const known = functions().get(call.input.slice(0, 10).toLowerCase() as Hex)
  if (known === undefined) return undefined
  try {
    return known.moves(decodeAbiParameters(known.abi.inputs, `0x${call.input.slice(10)}`), call)
  } catch {
    return 'unreadable'
  }
}

const MAX = 2n ** 256n - 1n

type Reader = (args: readonly unknown[], call: Call) => readonly TokenMove[]

const nothing: Reader = () => []
const approve: Reader = (args, { sender, self }) => {
  const [to, raw] = args as [Hex, bigint]
  return [{ kind: 'approval', token: self, from: sender, to, raw }]
}
const operator: Reader = ([to, approved = true], { sender, self }) => {
  return [{ kind: 'operator', token: self, from: sender, to: to as Hex, raw: approved ? 1n : 0n }]
}
const transfer: Reader = (args, { sender, self }) => {
  const [to, raw] = args as [Hex, bigint]
  return [{ kind: 'transfer', token: self, from: sender, to, raw }]
}
const transferFrom: Reader = (args, { self }) => {
  const [from, to, raw] = args as [Hex, Hex, bigint]
  return [{ kind: 'transfer', token: self, from, to, raw }]
}
const permit: Reader = (args, { self }) => {
  const [from, to, raw] = args as [Hex, Hex, bigint]
  return [{ kind: 'approval', token: self, from, to, raw }]
}
const transferOne: Reader = (args, { self }) => {
  const [from, to, tokenId] = args as [Hex, Hex, bigint]
  return [{ kind: 'transfer', token: self, from, to, raw: 1n, of: { standard: 'erc721', tokenId } }]
}
const transferSome: Reader = (args, { self }) => {
  const [from, to, tokenId, raw] = args as [Hex, Hex, bigint, bigint]
  return [{ kind: 'transfer', token: self, from, to, raw, of: { standard: 'erc1155', tokenId } }]
}
const transferMany: Reader = (args, { self }) => {
  const [from, to, ids, amounts] = args as [Hex, Hex, readonly bigint[], readonly bigint[]]
  return ids.map((tokenId, index) => {
    const of = { standard: 'erc1155', tokenId } as const
    return { kind: 'transfer', token: self, from, to, raw: amounts[index] ?? 0n, of }
  })
}

/** Of an ERC-6909 contract. */
const kind = (id: unknown) => ({ standard: 'erc6909', tokenId: id as bigint }) as const

interface Details {
  readonly token: Hex
  readonly amount: bigint
}
/** Permit2 keeps allowances for other tokens. */
const permitSingle: Reader = (args) => {
  const [from, { details, spender: to }] = args as [Hex, { details: Details; spender: Hex }]
  return [{ kind: 'approval', token: details.token, from, to, raw: details.amount }]
}
const permitBatch: Reader = (args) => {
  const [from, { details, spender: to }] = args as [Hex, { details: readonly Details[]; spender: Hex }]
  return details.map(({ token, amount }) => ({ kind: 'approval', token, from, to, raw: amount }))
}

/** Functions of tokens (ERC-20, 677, 721, 1155, 1363, 6909, 2612, 3009, 4626, WETH, DAI) and of Permit2. */
const FUNCTIONS: readonly (readonly [string, Reader])[] = [
  ['transfer(address,uint256)', transfer],
  // What an entry point keeps for an account, which no event of the account's shows.
  ['withdrawTo(address,uint256)', transfer],
  ['withdrawDepositTo(address,uint256)', transfer],
  ['transferAndCall(address,uint256)', transfer],
  ['transferAndCall(address,uint256,bytes)', transfer],
  ['transferFrom(address,address,uint256)', transferFrom],
  ['transferFromAndCall(address,address,uint256)', transferFrom],
  ['transferFromAndCall(address,address,uint256,bytes)', transferFrom],
  [
    'transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)',
    transferFrom,
  ],
  ['transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)', transferFrom],
  [
    'receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,uint8,bytes32,bytes32)',
    transferFrom,
  ],
  ['receiveWithAuthorization(address,address,uint256,uint256,uint256,bytes32,bytes)', transferFrom],
  ['approve(address,uint256)', approve],
  ['approveAndCall(address,uint256)', approve],
  ['approveAndCall(address,uint256,bytes)', approve],
  ['increaseAllowance(address,uint256)', approve],
  ['increaseApproval(address,uint256)', approve],
  ['permit(address,address,uint256,uint256,uint8,bytes32,bytes32)', permit],
  ['permit(address,address,uint256,uint256,bytes)', permit],
  [
    'permit(address,address,uint256,uint256,bool,uint8,bytes32,bytes32)',
    ([from, to, , , allowed], { self }) => {
      const raw = allowed ? MAX : 0n
      return [{ kind: 'approval', token: self, from: from as Hex, to: to as Hex, raw }]
    },
  ],
  ['setApprovalForAll(address,bool)', operator],
  // ERC-6909 and ERC-777.
  ['setOperator(address,bool)', operator],
  ['authorizeOperator(address)', operator],
  [
    'approve(address,uint256,uint256)',
    ([to, id, raw], { sender, self }) => {
      return [
        { kind: 'approval', token: self, from: sender, to: to as Hex, raw: raw as bigint, of: kind(id) },
      ]
    },
  ],
  [
    'transfer(address,uint256,uint256)',
    ([to, id, raw], { sender, self }) => {
      return [
        { kind: 'transfer', token: self, from: sender, to: to as Hex, raw: raw as bigint, of: kind(id) },
      ]
    },
  ],
  [
    'transferFrom(address,address,uint256,uint256)',
    ([from, to, id, raw], { self }) => {
      const parties = { from: from as Hex, to: to as Hex }
      return [{ kind: 'transfer', token: self, ...parties, raw: raw as bigint, of: kind(id) }]
    },
  ],
  // Of lenders (Morpho, Compound III, Aave): everything that is lent there, and debts in the caller's name.
  ['setAuthorization(address,bool)', operator],
  ['allow(address,bool)', operator],
  ['approveDelegation(address,uint256)', approve],
  ['safeTransferFrom(address,address,uint256)', transferOne],
  ['safeTransferFrom(address,address,uint256,bytes)', transferOne],
  ['safeTransferFrom(address,address,uint256,uint256,bytes)', transferSome],
  ['safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)', transferMany],
  [
    'approve(address,address,uint160,uint48)',
    ([token, to, raw], { sender }) => {
      return [{ kind: 'approval', token: token as Hex, from: sender, to: to as Hex, raw: raw as bigint }]
    },
  ],
  [
    'permit(address,((address token,uint160 amount,uint48 expiration,uint48 nonce) details,address spender,uint256 sigDeadline) permitSingle,bytes)',
    permitSingle,
  ],
  [
    'permit(address,((address token,uint160 amount,uint48 expiration,uint48 nonce)[] details,address spender,uint256 sigDeadline) permitBatch,bytes)',
    permitBatch,
  ],
  [
    'transferFrom(address,address,uint160,address)',
    ([from, to, raw, token]) => {
      return [{ kind: 'transfer', token: token as Hex, from: from as Hex, to: to as Hex, raw: raw as bigint }]
    },
  ],
  [
    'transferFrom((address from,address to,uint160 amount,address token)[])',
    ([details]) =>
      (details as readonly { from: Hex; to: Hex; amount: bigint; token: Hex }[]).map(
        ({ from, to, amount, token }) => ({ kind: 'transfer', token, from, to, raw: amount }),
      ),
  ],
  // What takes back, or pays out what its events show.
  ...[
    'decreaseAllowance(address,uint256)',
    'decreaseApproval(address,uint256)',
    'cancelAuthorization(address,bytes32,uint8,bytes32,bytes32)',
    'cancelAuthorization(address,bytes32,bytes)',
    'deposit()',
    'withdraw(uint256)',
    'deposit(uint256,address)',
    'mint(uint256,address)',
    'withdraw(uint256,address,address)',
    'redeem(uint256,address,address)',
    'burn(uint256)',
    'burnFrom(address,uint256)',
    'balanceOf(address)',
    'balanceOf(address,uint256)',
    'allowance(address,address)',
    'ownerOf(uint256)',
    'decimals()',
    'symbol()',
    'name()',
    'totalSupply()',
    'nonces(address)',
    'DOMAIN_SEPARATOR()',
  ].map((signature) => [signature, nothing] as const),
]

interface Known {
  readonly abi: AbiFunction
  readonly moves: Reader
}

let bySelector: ReadonlyMap<Hex, Known> | undefined

/** The name of a function that we know tokens by, such as `transfer`. */
export function tokenFunctionName(selector: string): string | undefined {
  return functions().get(selector as Hex)?.abi.name
}

/** Made when the first call is read: hashing all of it costs a start-up more than it is worth. */
function functions(): ReadonlyMap<Hex, Known> {
  bySelector ??= new Map(
    FUNCTIONS.map(([signature, moves]) => {
      const abi = parseAbiItem(`function ${signature}` as 'function f()') as AbiFunction
      return [toFunctionSelector(abi), { abi, moves }] as const
    }),
  )
  return bySelector
}
