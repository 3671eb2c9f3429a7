import {
  type AbiFunction,
  decodeAbiParameters,
  type Hex,
  parseAbiItem,
  size,
  slice,
  toFunctionSelector,
} from 'viem'
import { checksum } from '../address.ts'
import { exactArguments } from './exactArguments.ts'
import type { Call } from './tokenCalls.ts'

/** A call that the bytes of a payload ask for: itself, or one that it carries to be made inside. */
export interface DeclaredCall extends Call {
  /**
   * With whose rights it is made: those of the account, of a wallet contract or a batch that the account commands, or
   * of a helper that has none of its own.
   */
  readonly rights: 'account' | 'wallet' | 'none'
  /** What carries it; absent for the payload itself. */
  readonly within?: string
  /** Run by delegatecall: what carries it lends it all that it has. */
  readonly lent?: true
  /** Why what it carries could not be read. */
  readonly problem?: string
}

const MAX_DEPTH = 6
const MAX_CALLS = 500

/** The payload's call and, recursively, those that it carries (T18). */
export function declaredCalls(account: Hex, to: Hex, data: Hex): readonly DeclaredCall[] {
  const calls: DeclaredCall[] = []
  const visit = (call: DeclaredCall, depth: number) => {
    const { carried, problem } = calls.length < MAX_CALLS ? carriedBy(call, account) : TOO_MANY
    calls.push(problem === undefined ? call : { ...call, problem, rights: carriedRights(call, account) })
    if (carried.length === 0) return
    if (depth === MAX_DEPTH) calls.push({ ...call, problem: `calls within calls, deeper than ${MAX_DEPTH}` })
    else for (const inner of carried) visit(inner, depth + 1)
  }
  if (data !== '0x') visit({ sender: account, self: to, input: data, rights: 'account' }, 0)
  return calls
}

interface Carried {
  readonly carried: readonly DeclaredCall[]
  readonly problem?: string
}

const TOO_MANY: Carried = { carried: [], problem: `more than ${MAX_CALLS} calls in one` }

function carriedBy(call: DeclaredCall, account: Hex): Carried {
  if (call.input === '0x') return { carried: [] }
  if (size(call.input) < 4) return { carried: [], problem: 'bytes that are too short to name a function' }
  const container = containers().get(slice(call.input, 0, 4))
  if (container === undefined) return { carried: [] }
  const name = container.abi.name
  try {
    const args = exactArguments(container.abi.inputs, call.input)
    const carried = container.inner(args, call)
    return {
      carried: carried.map((inner) => ({
        ...{ ...inner, within: name, rights: rightsOf(inner, call, account) },
        ...(container.inner !== toItself && isLent(inner, call) && { lent: true }),
      })),
    }
  } catch {
    return { carried: [], problem: `bytes that are no arguments of ${name}` }
  }
}

/** What an account tells itself has no other caller: there an ordinary call keeps the sender as well. */
const isLent = (inner: Call, { sender, self }: Call) =>
  inner.sender === sender && inner.self === self && sender !== self

function rightsOf({ sender }: Call, outer: DeclaredCall, account: Hex): DeclaredCall['rights'] {
  if (sender === account) return 'account'
  if (sender === outer.sender) return outer.rights
  // One that makes calls for anybody has no rights that somebody could abuse.
  const name = containers().get(slice(outer.input, 0, 4))?.abi.name ?? ''
  return outer.rights === 'none' || HELPERS.test(name) ? 'none' : 'wallet'
}

/** Save the one by which batches are made: what they hold is meant as the account's own. */
const HELPERS = /aggregate(?!3Value)/i

/** With whose rights the calls would be made that a call carries and that cannot be read. */
function carriedRights(call: DeclaredCall, account: Hex): DeclaredCall['rights'] {
  if (size(call.input) < 4) return call.rights
  const container = containers().get(slice(call.input, 0, 4))
  if (container === undefined || container.inner === toItself) return call.rights
  return rightsOf({ ...call, sender: call.self }, call, account)
}

type Inner = (args: readonly unknown[], outer: Call) => readonly Call[]

/** Made by delegatecall to itself, so that its caller stays the caller: it splits up its own calls, and lends nothing. */
const toItself: Inner = (args, { sender, self }) =>
  (args.at(-1) as readonly Hex[]).map((input) => ({ sender, self, input }))

/** The first array of tuples that are a target, perhaps other things, and bytes. */
const toTargets: Inner = (args, { self }) => {
  const calls = args.find(Array.isArray) as readonly (readonly unknown[])[]
  return calls.map((call) => {
    const [target, ...rest] = Object.values(call)
    return { sender: self, self: target as Hex, input: rest.at(-1) as Hex }
  })
}

/** Arrays of targets, perhaps of values, and of bytes. */
const toEach: Inner = (args, { self }) => {
  const inputs = args.at(-1) as readonly Hex[]
  const targets = args[0] as readonly Hex[]
  if (inputs.length !== targets.length) throw new TypeError('a call without its bytes')
  return targets.map((target, index) => ({ sender: self, self: target, input: inputs[index] ?? '0x' }))
}

const toOne: Inner = ([target, , input, operation], { sender, self }) =>
  operation === 1
    ? [{ sender, self, input: input as Hex }]
    : [{ sender: self, self: target as Hex, input: input as Hex }]

/** ERC-7579: the first byte of the mode says what the bytes hold; what cannot change anything is left out. */
const byMode: Inner = ([mode, bytes], { sender, self }) => {
  const [type, packed] = [slice(mode as Hex, 0, 1), bytes as Hex]
  if (type === '0x01') return toTargets(decodeAbiParameters(CALLS, packed), { sender, self, input: '0x' })
  const input = (from: number) => (size(packed) > from ? slice(packed, from) : '0x')
  const target = checksum(slice(packed, 0, 20))
  if (type === '0x00') return [{ sender: self, self: target, input: input(52) }]
  if (type === '0xfe') return []
  if (type === '0xff') return [{ sender, self, input: input(20) }]
  throw new TypeError('a mode that is not known')
}

const CALLS = [
  {
    type: 'tuple[]',
    components: [{ type: 'address' }, { type: 'uint256' }, { type: 'bytes' }],
  },
] as const

/** Safe's MultiSend: operation, target, value, length and bytes of each, without gaps. */
const packed: Inner = ([transactions], { sender, self }) => {
  const calls: Call[] = []
  let rest = transactions as Hex
  while (rest !== '0x') {
    const length = Number(BigInt(slice(rest, 53, 85)))
    const end = 85 + length
    const input = length === 0 ? '0x' : slice(rest, 85, end, { strict: true })
    const delegates = slice(rest, 0, 1) === '0x01'
    calls.push(
      delegates ? { sender, self, input } : { sender: self, self: checksum(slice(rest, 1, 21)), input },
    )
    rest = size(rest) > end ? slice(rest, end) : '0x'
  }
  return calls
}

const CONTAINERS: readonly (readonly [string, Inner])[] = [
  ['multicall(bytes[])', toItself],
  ['multicall(uint256,bytes[])', toItself],
  ['multicall(bytes32,bytes[])', toItself],
  ['aggregate((address,bytes)[])', toTargets],
  ['blockAndAggregate((address,bytes)[])', toTargets],
  ['tryAggregate(bool,(address,bytes)[])', toTargets],
  ['tryBlockAndAggregate(bool,(address,bytes)[])', toTargets],
  ['aggregate3((address,bool,bytes)[])', toTargets],
  ['aggregate3Value((address,bool,uint256,bytes)[])', toTargets],
  ['execute(address,uint256,bytes)', toOne],
  ['execute(address,uint256,bytes,uint8)', toOne],
  ['execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)', toOne],
  ['executeBatch(address[],bytes[])', toEach],
  ['executeBatch(address[],uint256[],bytes[])', toEach],
  ['executeBatch((address,uint256,bytes)[])', toTargets],
  ['execute((address,uint256,bytes)[])', toTargets],
  ['execute(bytes32,bytes)', byMode],
  ['multiSend(bytes)', packed],
]

interface Container {
  readonly abi: AbiFunction
  readonly inner: Inner
}

let bySelector: ReadonlyMap<Hex, Container> | undefined

/** Made when the first call is read: hashing all of it costs a start-up more than it is worth. */
function containers(): ReadonlyMap<Hex, Container> {
  bySelector ??= new Map(
    CONTAINERS.map(([signature, inner]) => {
      const abi = parseAbiItem(`function ${signature}` as 'function f()') as AbiFunction
      return [toFunctionSelector(abi), { abi, inner }] as const
    }),
  )
  return bySelector
}
