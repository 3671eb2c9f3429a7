import { readFileSync } from 'node:fs'
import { type Abi, decodeErrorResult, encodeFunctionData, erc20Abi, type Hex, multicall3Abi } from 'viem'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import multicall3 from '../../contracts/artifacts/Multicall3.json' with { type: 'json' }
import testUsdc from '../../contracts/artifacts/TestUSDC.json' with { type: 'json' }
import tipJar from '../../contracts/artifacts/TipJar.json' with { type: 'json' }
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
import { sandboxB } from '../../src/chains/data/sandboxB.ts'
import { silentLogger } from '../../src/primitives/logger.ts'
import { sandboxContracts, sandboxWallets } from '../../src/sandbox/sandboxAccounts.ts'
import { type Sandbox, startSandbox } from '../../src/sandbox/startSandbox.ts'
import { eventually } from './support/processes.ts'
import { blockNumber, revertData, rpc, view } from './support/rpc.ts'

const jarAbi = tipJar.abi as Abi
const { usdc, tipJar: jar } = sandboxContracts
let sandbox: Sandbox
const urlOf = (chainId: number) => sandbox.chains.find((chain) => chain.chainId === chainId)?.rpcUrl ?? ''

beforeAll(async () => {
  process.env['BURSAR_TEST_SECRET'] = 'not for anvil'
  sandbox = await startSandbox({ logger: silentLogger })
})
afterAll(async () => {
  await sandbox.stop()
})

test('offers the chains 31337 and 31338 on different ports of this machine only', () => {
  expect(sandbox.chains.map((chain) => chain.chainId)).toEqual([31337, 31338])
  const [first, second] = sandbox.chains.map((chain) => new URL(chain.rpcUrl))
  expect([first?.hostname, second?.hostname]).toEqual(['127.0.0.1', '127.0.0.1'])
  expect(first?.port).not.toBe(second?.port)
})

test.each([sandboxA, sandboxB])('the registry names the contracts of $name where they are', (chain) => {
  expect(chain.contracts).toEqual({ multicall3: sandboxContracts.multicall3, tipJar: jar })
  expect(chain.tokens).toEqual([{ symbol: 'USDC', address: usdc, decimals: 6 }])
})

describe.each([31337, 31338])('chain %i', (chainId) => {
  test('answers with its own id', async () => {
    expect(await rpc(urlOf(chainId), 'eth_chainId')).toBe(chainId === 31337 ? '0x7a69' : '0x7a6a')
  })

  test('funds every wallet with 10,000 native tokens and 1,000,000 USDC of 6 decimals', async () => {
    const url = urlOf(chainId)
    for (const { address } of Object.values(sandboxWallets)) {
      expect(await rpc(url, 'eth_getBalance', address, 'latest')).toBe('0x21e19e0c9bab2400000')
      expect(await view(url, usdc, erc20Abi, 'balanceOf', address)).toBe(1_000_000_000_000n)
    }
    expect(await view(url, usdc, erc20Abi, 'decimals')).toBe(6)
    expect(await view(url, usdc, erc20Abi, 'symbol')).toBe('USDC')
    expect(await view(url, usdc, erc20Abi, 'name')).toBe('Test USDC')
    expect(await view(url, usdc, erc20Abi, 'totalSupply')).toBe(4_000_000_000_000n)
  })

  test('runs the checked-in code at the fixed addresses', async () => {
    const codeAt = (address: string) => rpc(urlOf(chainId), 'eth_getCode', address, 'latest')
    expect(await codeAt('0x9594a4C95A3acfb82307B158CD774a6740316BEd')).toBe(testUsdc.deployedBytecode)
    expect(await codeAt('0xcA11bde05977b3631167028862bE2a173976CA11')).toBe(multicall3.deployedBytecode)
    // Its code holds the keeper, so it is asked instead of compared.
    const keeper = await view(urlOf(chainId), '0x225FEF2B544DEbcA5D2833CdA879E16cA1458163', jarAbi, 'keeper')
    expect(keeper).toBe('0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC')
  })

  test('reads many balances through Multicall3 in one call, and a failing one fails alone', async () => {
    const balanceOf = encodeFunctionData({
      abi: erc20Abi,
      functionName: 'balanceOf',
      args: [sandboxWallets.agent.address],
    })
    const calls = [
      { target: usdc, allowFailure: true, callData: balanceOf },
      { target: jar, allowFailure: true, callData: balanceOf },
    ]
    const results = await view(
      urlOf(chainId),
      sandboxContracts.multicall3,
      multicall3Abi,
      'aggregate3',
      calls,
    )
    expect(results).toEqual([
      { success: true, returnData: `0x${(1_000_000_000_000).toString(16).padStart(64, '0')}` },
      { success: false, returnData: '0x' },
    ])
  })

  test('mines about one block a second without being asked', async () => {
    const before = await blockNumber(urlOf(chainId))
    await eventually('two more blocks', async () => (await blockNumber(urlOf(chainId))) >= before + 2, 5_000)
  })
})

test('the tip jar takes a tip, and fails in every way in which Solidity can fail', async () => {
  const url = urlOf(31337)
  const decoded = async (name: string, ...args: unknown[]) => {
    const data = await revertData(url, jar, jarAbi, name, ...args)
    const { errorName, args: values } = decodeErrorResult({ abi: jarAbi, data: data ?? '0x' })
    return [errorName, ...(values ?? [])]
  }
  expect(await decoded('tip', 'hello')).toEqual(['Error', 'TipJar: a tip needs value'])
  expect(await decoded('withdraw', jar, 1n)).toEqual([
    'NotKeeper',
    '0x70997970C51812dc3A010C7d01b50e0d17dc79C8',
  ])
  expect(await decoded('averageTip')).toEqual(['Panic', 0x12n])

  const data = encodeFunctionData({ abi: jarAbi, functionName: 'tip', args: ['thanks'] })
  const tip = { from: sandboxWallets.agent.address, to: jar, data, value: '0x64' }
  const hash = await rpc(url, 'eth_sendTransaction', tip)
  await sandbox.mine(31337)
  const receipt = (await rpc(url, 'eth_getTransactionReceipt', hash)) as { status: Hex; logs: unknown[] }
  expect([receipt.status, receipt.logs.length]).toEqual(['0x1', 1])
  expect(await view(url, jar, jarAbi, 'totalTipped')).toBe(100n)
  expect(await view(url, jar, jarAbi, 'tippedBy', sandboxWallets.agent.address)).toBe(100n)
  expect(await decoded('projectedTotal', (1n << 256n) - 1n)).toEqual(['Panic', 0x11n])
})

test('mines exactly the blocks asked for, on that chain only', async () => {
  const slow = await startSandbox({ logger: silentLogger, blockTimeSeconds: 3600 })
  const heights = () => Promise.all(slow.chains.map((chain) => blockNumber(chain.rpcUrl)))
  try {
    expect(await heights()).toEqual([1, 1])
    await slow.mine(31338, 5)
    expect(await heights()).toEqual([1, 6])
    await slow.mine(31337)
    expect(await heights()).toEqual([2, 6])
    await expect(slow.mine(1)).rejects.toMatchObject({ code: 'chain_unknown' })
  } finally {
    await slow.stop()
  }
})

test.runIf(process.platform === 'linux')('R6: anvil gets nothing of our environment', () => {
  for (const { pid } of sandbox.chains) {
    const environment = readFileSync(`/proc/${pid}/environ`, 'utf8')
    expect(environment).toContain('PATH=/usr/bin:/bin')
    expect(environment).not.toContain('BURSAR_TEST_SECRET')
    expect(environment).not.toContain('HOME=')
  }
})
