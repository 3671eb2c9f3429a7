import { createTestClient, encodeFunctionData, getContractAddress, type Hex, http, parseAbi } from 'viem'
import testUsdc from '../../contracts/artifacts/TestUSDC.json' with { type: 'json' }
import type { Sandbox } from '../../src/sandbox/startSandbox.ts'

/** Nobody has its key: anvil sends for it, and from nonce 0 its contracts get the same addresses on both chains. */
const DEPLOYER: Hex = '0x00000000000000000000000000000000b0125abe'
const HOLDER: Hex = '0x0000000000000000000000000000000000b0b000'
const GAS = 3_000_000n
const mint = encodeFunctionData({
  abi: parseAbi(['function mint(address to, uint256 amount)']),
  functionName: 'mint',
  args: [HOLDER, 123_456_789n],
})

/** The addresses of `count` tokens that are on both chains of a fresh sandbox, each with one holder. */
export async function deployTokens({ chains, mine }: Sandbox, count: number): Promise<readonly Hex[]> {
  const tokens = Array.from({ length: count }, (_, nonce) =>
    getContractAddress({ from: DEPLOYER, nonce: BigInt(nonce) }),
  )
  for (const { chainId, rpcUrl } of chains) {
    const client = createTestClient({ mode: 'anvil', transport: http(rpcUrl) })
    await client.setBalance({ address: DEPLOYER, value: 10n ** 20n })
    await client.impersonateAccount({ address: DEPLOYER })
    const send = (transaction: { readonly to?: Hex; readonly data: Hex }) =>
      client.sendUnsignedTransaction({ from: DEPLOYER, gas: GAS, maxFeePerGas: 10n ** 11n, ...transaction })
    for (let index = 0; index < count; index++) await send({ data: testUsdc.bytecode as Hex })
    for (const token of tokens) await send({ to: token, data: mint })
    // A block takes as many of them as its gas limit allows.
    await mine(chainId, 4)
  }
  return tokens
}
