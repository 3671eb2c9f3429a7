import { concatHex, encodeFunctionData, getAddress, type Hex, parseAbi, toHex } from 'viem'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AGENT, MERCHANT } from '../../support/engine.ts'
import { type Looks, startLooks } from '../../support/looks.ts'
import { withoutMethods } from '../../support/missingMethods.ts'
import { tokenAt } from '../../support/tokens.ts'

// What routers of Uniswap v3 are asked, with a router that gives twice what it takes and takes half of what it gives.

const ROUTER = `contract Subject {
  event Transfer(address indexed from, address indexed to, uint256 value);
  struct Single { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 fixedAmount; uint256 bound; uint160 limit; }
  struct Dated { address tokenIn; address tokenOut; uint24 fee; address recipient; uint256 deadline; uint256 fixedAmount; uint256 bound; uint160 limit; }
  struct Path { bytes path; address recipient; uint256 fixedAmount; uint256 bound; }
  struct DatedPath { bytes path; address recipient; uint256 deadline; uint256 fixedAmount; uint256 bound; }
  function multicall(bytes[] calldata data) external payable {
    for (uint256 i; i < data.length; i++) { (bool ok,) = address(this).delegatecall(data[i]); require(ok); }
  }
  function give(address token, address recipient, uint256 raw) internal {
    Token(token).move(address(0x9001), recipient == address(2) ? address(this) : recipient, raw);
  }
  function exactInputSingle(Single calldata p) external payable returns (uint256 out) {
    out = (p.fixedAmount == 0 ? 1000 : p.fixedAmount) * 2; give(p.tokenOut, p.recipient, out);
  }
  function exactInputSingle(Dated calldata p) external payable returns (uint256) { return p.fixedAmount * 2; }
  function exactInput(Path calldata p) external payable returns (uint256) { return p.fixedAmount * 2; }
  function exactInput(DatedPath calldata p) external payable returns (uint256) { return p.fixedAmount * 2; }
  function exactOutputSingle(Single calldata p) external payable returns (uint256) { return p.fixedAmount / 2; }
  function exactOutputSingle(Dated calldata p) external payable returns (uint256) { return p.fixedAmount / 2; }
  function exactOutput(Path calldata p) external payable returns (uint256) { return p.fixedAmount / 2; }
  function exactOutput(DatedPath calldata p) external payable returns (uint256) { return p.fixedAmount / 2; }
  function unwrapWETH9(uint256, address recipient) external payable { release(address(WETH), recipient); }
  function sweepToken(address token, uint256, address recipient) external payable { release(token, recipient); }
  function release(address token, address recipient) internal { Token(token).out(address(this), recipient, 2000); }
  Token constant WETH = Token(WRAPPED);
}
interface Token { function move(address, address, uint256) external; function out(address, address, uint256) external; }`

const TOKEN = `contract Subject {
  event Transfer(address indexed from, address indexed to, uint256 value);
  event Withdrawal(address indexed src, uint256 wad);
  function move(address from, address to, uint256 raw) external { emit Transfer(from, to, raw); }
  function out(address from, address to, uint256 raw) external { emit Transfer(from, to, raw); emit Withdrawal(from, raw); }
}`

let looks: Looks
let router: Hex
/** What goes in, what is in between, what comes out. */
let tokens: readonly [Hex, Hex, Hex]

beforeAll(async () => {
  looks = await startLooks()
  const middle = await looks.install(TOKEN)
  tokens = [tokenAt(7), middle, await looks.install(TOKEN)]
  router = await looks.install(ROUTER.replace('WRAPPED', getAddress(middle)))
})
afterAll(() => looks.stop())

const LOOSE = 'loose-slippage critical'
const SINGLE = 'address tokenIn; address tokenOut; uint24 fee; address recipient'
const ABI = parseAbi([
  `struct Single { ${SINGLE}; uint256 fixedAmount; uint256 bound; uint160 limit; }`,
  'struct Path { bytes path; address recipient; uint256 fixedAmount; uint256 bound; }',
  'function exactInputSingle(Single p)',
  'function exactInput(Path p)',
  'function exactOutputSingle(Single p)',
  'function exactOutput(Path p)',
  'function multicall(bytes[] data)',
  'function unwrapWETH9(uint256 least, address recipient)',
  'function sweepToken(address token, uint256 least, address recipient)',
])
const DATED = parseAbi([
  `struct Dated { ${SINGLE}; uint256 deadline; uint256 fixedAmount; uint256 bound; uint160 limit; }`,
  'struct DatedPath { bytes path; address recipient; uint256 deadline; uint256 fixedAmount; uint256 bound; }',
  'function exactInputSingle(Dated p)',
  'function exactInput(DatedPath p)',
  'function exactOutputSingle(Dated p)',
  'function exactOutput(DatedPath p)',
])
/** The router itself, as routers of v3 write it. */
const SELF = '0x0000000000000000000000000000000000000002'
const NAMES = ['exactInputSingle', 'exactInput', 'exactOutputSingle', 'exactOutput'] as const

/** What a router is asked to do with 1,000 base units, in every way to write it. */
function asked(name: (typeof NAMES)[number], dated: boolean, bound: bigint): Hex {
  const [tokenIn, , tokenOut] = tokens
  const fee = 3000
  const path = concatHex([tokenIn, toHex(fee, { size: 3 }), tokenOut])
  const about = { fixedAmount: 1_000n, bound, deadline: 2n ** 40n, recipient: AGENT as Hex }
  const p = { ...about, path, tokenIn, tokenOut, fee, limit: 0n }
  return encodeFunctionData({ abi: dated ? DATED : ABI, functionName: name, args: [p] } as never)
}

const found = async (data: Hex) => (await looks.at({ to: router, data })).found.filter(isOfSwaps)
const isOfSwaps = (each: string) => each.startsWith('loose-slippage')

describe('D3: a swap of Uniswap v3', () => {
  for (const name of NAMES) {
    for (const dated of [false, true]) {
      it(`D3: by ${name}${dated ? ' with a deadline' : ''} is bound to nearly what it is now`, async () => {
        const [last, first] = name.startsWith('exactIn') ? [1_960n, 1_959n] : [510n, 511n]
        expect(await found(asked(name, dated, last))).toEqual([])
        expect(await found(asked(name, dated, first))).toEqual([LOOSE])
      })
    }
  }
})

const MULTICALL3 = '0xcA11bde05977b3631167028862bE2a173976CA11'
const BATCH = parseAbi([
  'struct Call { address target; bool allowFailure; uint256 value; bytes callData; }',
  'function aggregate3Value(Call[] calls) payable',
])

/** A swap of the n-th token into the one after it. */
const hop = (n: 0 | 1, recipient: string, fixedAmount: bigint, bound: bigint): Hex => {
  const [tokenIn, tokenOut] = [tokens[n], tokens[n + 1] as Hex]
  const p = { tokenIn, tokenOut, fee: 3000, recipient: recipient as Hex, fixedAmount, bound, limit: 0n }
  return encodeFunctionData({ abi: ABI, functionName: 'exactInputSingle', args: [p] })
}
const unwrap = (least: bigint) =>
  encodeFunctionData({ abi: ABI, functionName: 'unwrapWETH9', args: [least, AGENT as Hex] })
const sweep = (token: Hex, least: bigint) =>
  encodeFunctionData({ abi: ABI, functionName: 'sweepToken', args: [token, least, AGENT as Hex] })
const together = (...data: readonly Hex[]) =>
  found(encodeFunctionData({ abi: ABI, functionName: 'multicall', args: [data] }))

describe('D3: a swap whose proceeds stay with the router', () => {
  it('D3: is bounded by the next one when that takes all of them', async () => {
    expect(await together(hop(0, SELF, 1_000n, 0n), hop(1, AGENT, 0n, 1_960n))).toEqual([])
    expect(await together(hop(0, SELF, 1_000n, 0n), hop(1, AGENT, 0n, 1_959n))).toEqual([LOOSE])
  })

  it('D3: is not bounded by one that takes something else, or comes before it', async () => {
    expect(await together(hop(0, SELF, 1_000n, 0n), hop(1, AGENT, 5n, 10n))).toEqual([LOOSE])
    expect(await together(hop(1, AGENT, 0n, 1_960n), hop(0, SELF, 1_000n, 0n))).toEqual([LOOSE])
  })

  it('D3: is no bound of what somebody else was given meanwhile', async () => {
    const [kept, taken] = [hop(0, SELF, 1_000n, 0n), hop(1, AGENT, 0n, 1_960n)]
    expect(await together(kept, hop(0, AGENT, 1_000n, 1_960n), taken)).toEqual([])
    expect(await together(kept, hop(0, AGENT, 1_000n, 0n), taken)).toEqual([LOOSE])
  })

  it('D3: is bounded by what hands them out, for that token', async () => {
    const first = hop(0, SELF, 1_000n, 0n)
    expect(await together(first, unwrap(1_960n))).toEqual([])
    expect(await together(first, unwrap(1_959n))).toEqual([LOOSE])
    expect(await together(first, sweep(tokens[1], 1_960n))).toEqual([])
    expect(await together(first, sweep(tokens[1], 1_959n))).toEqual([LOOSE])
    expect(await together(first, sweep(tokens[2], 1_960n))).toEqual([LOOSE])
    expect(await together(first)).toEqual([LOOSE])
    expect(await together(hop(1, SELF, 1_000n, 0n), unwrap(1_960n))).toEqual([LOOSE])
  })

  it('D3: is not bounded by what another router hands out', async () => {
    const other = await looks.install(ROUTER.replace('WRAPPED', getAddress(tokens[1])))
    const calls = [hop(0, SELF, 1_000n, 0n), unwrap(1_960n)]
    const batch = (targets: readonly [Hex, Hex]) => {
      const each = calls.map((callData, index) => {
        return { target: targets[index] as Hex, allowFailure: false, value: 0n, callData }
      })
      return encodeFunctionData({ abi: BATCH, functionName: 'aggregate3Value', args: [each] })
    }
    const at = async (targets: readonly [Hex, Hex]) => {
      const look = await looks.at({ to: MULTICALL3, data: batch(targets) })
      return look.found.filter(isOfSwaps)
    }
    expect(await at([router, router])).toEqual([])
    expect(await at([router, other])).toEqual([LOOSE])
  })

  it('D3: and one of another token is no part of it: what that may not lose, this one may not either', async () => {
    expect(await together(hop(0, AGENT, 100_000n, 200_000n), hop(1, AGENT, 1_000n, 1_960n))).toEqual([])
    expect(await together(hop(0, AGENT, 100_000n, 200_000n), hop(1, AGENT, 1_000n, 0n))).toEqual([LOOSE])
  })

  it('D3: is seen where nobody traces, though nothing of it is left there', async () => {
    looks.world.a.proxy.setFault(withoutMethods(['debug_traceCall']))
    const first = hop(0, SELF, 1_000n, 0n)
    expect(await together(first, unwrap(0n))).toEqual([LOOSE])
    expect(await together(first, unwrap(1_960n))).toEqual([])
    looks.world.a.proxy.setFault(undefined)
  })

  it('D3: and is given to somebody else is judged by what they get', async () => {
    expect(await together(hop(0, MERCHANT, 1_000n, 0n))).toEqual([LOOSE])
    expect(await together(hop(0, MERCHANT, 1_000n, 1_960n))).toEqual([])
  })
})
