import {
  type AbiFunction,
  decodeAbiParameters,
  type Hex,
  parseAbiItem,
  slice,
  toFunctionSelector,
} from 'viem'
import { checksum } from '../address.ts'
import { NATIVE_TOKEN } from '../simulation/execution.ts'
import type { Call } from './tokenCalls.ts'

/** What a router is asked to exchange, and the bound that the asker sets, by the words of the call. */
export interface Swap {
  readonly router: Hex
  /** Whoever calls the router, and pays it. */
  readonly sender: Hex
  readonly recipient: Hex
  /** `NATIVE_TOKEN` for the native one. */
  readonly tokenIn: Hex
  readonly tokenOut: Hex
  /** Of what goes in and what comes out, the one that is fixed; the bound is of the other, in its base units. */
  readonly exact: 'in' | 'out'
  /** What goes in is all that the router was left with, and not the sender's: routers write that as an amount of 0. */
  readonly takesAll: boolean
  /** Undefined where it is what is sent along. */
  readonly bound: bigint | undefined
  /** How the call names it; undefined where it is what is sent along. */
  readonly parameter: string | undefined
  /** What the other one comes to, from what the call returns; undefined where it returns nothing of the kind. */
  readonly other: ((returned: Hex) => bigint) | undefined
}

/** Undefined for what is no swap, or has arguments that are not those of one. */
export function swapOf(call: Call): Swap | undefined {
  const known = functions().get(call.input.slice(0, 10).toLowerCase() as Hex)
  if (known === undefined) return undefined
  try {
    const args = decodeAbiParameters(known.abi.inputs, `0x${call.input.slice(10)}`)
    return { router: call.self, sender: call.sender, ...known.read(args, call) }
  } catch {
    return undefined
  }
}

/** The least that may leave a router to whoever it holds something for, as it is asked; of WETH when no token is named. */
export function releaseOf(
  call: Call,
): { readonly token: Hex | undefined; readonly least: bigint } | undefined {
  const abi = releases().get(call.input.slice(0, 10).toLowerCase() as Hex)
  if (abi === undefined) return undefined
  try {
    const [first, second] = decodeAbiParameters(abi.inputs, `0x${call.input.slice(10)}`) as readonly unknown[]
    return abi.name.startsWith('sweep')
      ? { token: first as Hex, least: second as bigint }
      : { token: undefined, least: first as bigint }
  } catch {
    return undefined
  }
}

type Terms = Omit<Swap, 'router' | 'sender'>
type Reader = (args: readonly unknown[], call: Call) => Terms

const amounts = (returned: Hex) => decodeAbiParameters([{ type: 'uint256[]' }], returned)[0]
const lastAmount = (returned: Hex) => amounts(returned).at(-1) ?? 0n
const firstAmount = (returned: Hex) => amounts(returned)[0] ?? 0n
const oneAmount = (returned: Hex) => decodeAbiParameters([{ type: 'uint256' }], returned)[0]

interface Ends {
  readonly native?: 'in' | 'out'
  /** The contract only looks at the balance of the recipient afterwards. */
  readonly silent?: true
}

/** Routers of Uniswap v2 and their likes: the path is a list of tokens, its ends are what is exchanged. */
function alongList(exact: Swap['exact'], { native, silent }: Ends = {}): Reader {
  return (args, { sender, self }) => {
    const at = args.findIndex(Array.isArray)
    const path = args[at] as readonly Hex[]
    const [first, last] = [path[0], path.at(-1)]
    if (first === undefined || last === undefined) throw new TypeError('a path without tokens')
    // What is sent along with the call is not among its arguments: there is one amount less.
    const bound = at === 1 && exact === 'out' ? undefined : (args[at - 1] as bigint)
    const other = exact === 'in' ? lastAmount : firstAmount
    return {
      recipient: partyOf(args[at + 1] as Hex, sender, self),
      tokenIn: native === 'in' ? NATIVE_TOKEN : first,
      tokenOut: native === 'out' ? NATIVE_TOKEN : last,
      ...{ exact, bound, parameter: parameterOf(exact, bound, 'amountOutMin', 'amountInMax') },
      takesAll: exact === 'in' && native !== 'in' && args[0] === 0n,
      other: silent ? undefined : other,
    }
  }
}

const parameterOf = (exact: Swap['exact'], bound: bigint | undefined, least: string, most: string) =>
  bound === undefined ? undefined : exact === 'in' ? least : most

interface Parameters {
  readonly tokenIn?: Hex
  readonly tokenOut?: Hex
  readonly path?: Hex
  readonly recipient: Hex
  readonly amountIn?: bigint
  readonly amountOutMinimum?: bigint
  readonly amountInMaximum?: bigint
}

/** Routers of Uniswap v3: one tuple, with two tokens or with a path of tokens and fees, without gaps. */
function alongPools(exact: Swap['exact']): Reader {
  return ([tuple], { sender, self }) => {
    const { tokenIn, tokenOut, path, recipient, amountIn, ...bounds } = tuple as Parameters
    // A path begins with what is fixed.
    const ends = path === undefined ? [] : [checksum(slice(path, 0, 20)), checksum(slice(path, -20))]
    const [fixed, loose] = ends
    const [from, to] = exact === 'in' ? [fixed, loose] : [loose, fixed]
    const bound = bounds.amountOutMinimum ?? bounds.amountInMaximum
    return {
      recipient: partyOf(recipient, sender, self),
      tokenIn: (tokenIn ?? from) as Hex,
      tokenOut: (tokenOut ?? to) as Hex,
      ...{ exact, bound, other: oneAmount, takesAll: amountIn === 0n },
      parameter: parameterOf(exact, bound, 'amountOutMinimum', 'amountInMaximum'),
    }
  }
}

/** Routers of v3 write themselves as 0 or 2, and their caller as 1. */
function partyOf(written: Hex, sender: Hex, self: Hex): Hex {
  const number = BigInt(written)
  if (number === 0n || number === 2n) return self
  return number === 1n ? sender : written
}

const V3_SINGLE = 'address tokenIn, address tokenOut, uint24 fee, address recipient'
const OUT = 'uint256 amountIn, uint256 amountOutMinimum'
const IN = 'uint256 amountOut, uint256 amountInMaximum'

const FUNCTIONS: readonly (readonly [string, Reader])[] = [
  ['swapExactTokensForTokens(uint256,uint256,address[],address,uint256)', alongList('in')],
  ['swapExactTokensForTokens(uint256,uint256,address[],address)', alongList('in')],
  ['swapTokensForExactTokens(uint256,uint256,address[],address,uint256)', alongList('out')],
  ['swapTokensForExactTokens(uint256,uint256,address[],address)', alongList('out')],
  ['swapExactETHForTokens(uint256,address[],address,uint256)', alongList('in', { native: 'in' })],
  ['swapExactTokensForETH(uint256,uint256,address[],address,uint256)', alongList('in', { native: 'out' })],
  ['swapTokensForExactETH(uint256,uint256,address[],address,uint256)', alongList('out', { native: 'out' })],
  ['swapETHForExactTokens(uint256,address[],address,uint256)', alongList('out', { native: 'in' })],
  [
    'swapExactTokensForTokensSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)',
    alongList('in', { silent: true }),
  ],
  [
    'swapExactETHForTokensSupportingFeeOnTransferTokens(uint256,address[],address,uint256)',
    alongList('in', { native: 'in', silent: true }),
  ],
  [
    'swapExactTokensForETHSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)',
    alongList('in', { native: 'out', silent: true }),
  ],
  // With a deadline in the tuple, and without.
  [`exactInputSingle((${V3_SINGLE}, uint256 deadline, ${OUT}, uint160 limit) p)`, alongPools('in')],
  [`exactInputSingle((${V3_SINGLE}, ${OUT}, uint160 limit) p)`, alongPools('in')],
  [`exactInput((bytes path, address recipient, uint256 deadline, ${OUT}) p)`, alongPools('in')],
  [`exactInput((bytes path, address recipient, ${OUT}) p)`, alongPools('in')],
  [`exactOutputSingle((${V3_SINGLE}, uint256 deadline, ${IN}, uint160 limit) p)`, alongPools('out')],
  [`exactOutputSingle((${V3_SINGLE}, ${IN}, uint160 limit) p)`, alongPools('out')],
  [`exactOutput((bytes path, address recipient, uint256 deadline, ${IN}) p)`, alongPools('out')],
  [`exactOutput((bytes path, address recipient, ${IN}) p)`, alongPools('out')],
]

const RELEASES: readonly string[] = [
  'unwrapWETH9(uint256)',
  'unwrapWETH9(uint256,address)',
  'unwrapWETH9WithFee(uint256,uint256,address)',
  'unwrapWETH9WithFee(uint256,address,uint256,address)',
  'sweepToken(address,uint256)',
  'sweepToken(address,uint256,address)',
  'sweepTokenWithFee(address,uint256,uint256,address)',
  'sweepTokenWithFee(address,uint256,address,uint256,address)',
]

const abiOf = (signature: string) =>
  parseAbiItem(`function ${signature}` as 'function f()') as unknown as AbiFunction

interface Known {
  readonly abi: AbiFunction
  readonly read: Reader
}

// Made when the first call is read: hashing all of it costs a start-up more than it is worth.
let swapsBySelector: ReadonlyMap<Hex, Known> | undefined
let releasesBySelector: ReadonlyMap<Hex, AbiFunction> | undefined

function functions(): ReadonlyMap<Hex, Known> {
  swapsBySelector ??= new Map(
    FUNCTIONS.map(([signature, read]) => {
      const abi = abiOf(signature)
      return [toFunctionSelector(abi), { abi, read }]
    }),
  )
  return swapsBySelector
}

function releases(): ReadonlyMap<Hex, AbiFunction> {
  releasesBySelector ??= new Map(
    RELEASES.map((signature) => [toFunctionSelector(abiOf(signature)), abiOf(signature)]),
  )
  return releasesBySelector
}
