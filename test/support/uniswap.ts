import { createRequire } from 'node:module'
import { encodeDeployData, encodeFunctionData, type Hex, parseAbi } from 'viem'
import { AGENT, type Lane } from './engine.ts'

// Uniswap v2 as it was deployed, from its own packages, with WETH9 and two of its test tokens.

interface Artifact {
  readonly abi: readonly unknown[]
  readonly bytecode: string
}

const artifact = (name: string) => createRequire(import.meta.url)(`@uniswap/${name}.json`) as Artifact

export interface Uniswap {
  readonly router: Hex
  readonly weth: Hex
  /** An ordinary token: 2,000,000 of it in a pool with 1,000 WETH. The agent has 100,000. */
  readonly coin: Hex
  /** One that burns a hundredth of what is transferred: 1,000,000 of it in a pool with 1,000 WETH. The agent has 100,000. */
  readonly burning: Hex
  /** Sends as an account whose key nobody needs, and mines. Throws when it fails. */
  act(from: string, to: Hex | null, data: Hex, value?: bigint): Promise<Hex>
}

export const ROUTER = parseAbi([
  'function addLiquidityETH(address token, uint256 amountTokenDesired, uint256 amountTokenMin, uint256 amountETHMin, address to, uint256 deadline) payable',
  'function swapExactETHForTokens(uint256 amountOutMin, address[] path, address to, uint256 deadline) payable returns (uint256[] amounts)',
  'function swapExactTokensForETH(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline) returns (uint256[] amounts)',
])
const TOKEN = parseAbi([
  'function approve(address spender, uint256 value) returns (bool)',
  'function transfer(address to, uint256 value) returns (bool)',
  'function balanceOf(address owner) view returns (uint256)',
])

export const FOREVER = 2n ** 40n
const WHOLE = 10n ** 18n
const DEPLOYER = '0x00000000000000000000000000000000000de910'

export async function installUniswap(lane: Lane): Promise<Uniswap> {
  const { ask, mine } = lane
  const act: Uniswap['act'] = async (from, to, data, value = 0n) => {
    await ask('anvil_impersonateAccount', from)
    const hash = await ask('eth_sendTransaction', {
      ...{ from, data, gas: '0x989680', value: `0x${value.toString(16)}` },
      ...(to && { to }),
    })
    await mine()
    await ask('anvil_stopImpersonatingAccount', from)
    const receipt = (await ask('eth_getTransactionReceipt', hash)) as {
      status: Hex
      contractAddress: Hex | null
    }
    if (receipt.status !== '0x1') throw new Error(`a transaction to ${to} failed`)
    return receipt.contractAddress ?? '0x'
  }
  const deploy = (name: string, ...args: unknown[]) => {
    const { abi, bytecode } = artifact(name)
    return act(DEPLOYER, null, encodeDeployData({ abi, bytecode: `0x${bytecode}`, args } as never))
  }

  await ask('anvil_setBalance', DEPLOYER, `0x${(100_000n * WHOLE).toString(16)}`)
  const weth = await deploy('v2-periphery/build/WETH9')
  const factory = await deploy('v2-core/build/UniswapV2Factory', DEPLOYER)
  const router = await deploy('v2-periphery/build/UniswapV2Router02', factory, weth)
  const coin = await deploy('v2-periphery/build/ERC20', 10_000_000n * WHOLE)
  const burning = await deploy('v2-periphery/build/DeflatingERC20', 10_000_000n * WHOLE)
  const send = (from: string, to: Hex, functionName: 'approve' | 'transfer', party: string, raw: bigint) =>
    act(from, to, encodeFunctionData({ abi: TOKEN, functionName, args: [party as Hex, raw] }))
  for (const [token, amount] of [
    [coin, 2_000_000n],
    [burning, 1_000_000n],
  ] as const) {
    await send(DEPLOYER, token, 'approve', router, amount * WHOLE)
    const args = [token, amount * WHOLE, 0n, 0n, DEPLOYER, FOREVER] as const
    const data = encodeFunctionData({ abi: ROUTER, functionName: 'addLiquidityETH', args })
    await act(DEPLOYER, router, data, 1_000n * WHOLE)
    // A pool notes prices from its second moment on, which costs the first swap more than any other.
    await ask('evm_increaseTime', 60)
    await act(DEPLOYER, await pairOf(lane, factory, token, weth), '0xfff6cae9')
    await send(DEPLOYER, token, 'transfer', AGENT, 100_000n * WHOLE)
    await send(AGENT, token, 'approve', router, 100_000n * WHOLE)
  }
  return { router, weth, coin, burning, act }
}

const PAIR = parseAbi(['function getPair(address a, address b) view returns (address)'])

async function pairOf({ ask }: Lane, factory: Hex, a: Hex, b: Hex): Promise<Hex> {
  const data = encodeFunctionData({ abi: PAIR, functionName: 'getPair', args: [a, b] })
  return `0x${String(await ask('eth_call', { to: factory, data }, 'latest')).slice(26)}`
}

/** What an account has of a token, in base units. */
export async function tokenBalance({ ask }: Lane, token: Hex, owner: string): Promise<bigint> {
  const data = encodeFunctionData({ abi: TOKEN, functionName: 'balanceOf', args: [owner as Hex] })
  return BigInt((await ask('eth_call', { to: token, data }, 'latest')) as string)
}
