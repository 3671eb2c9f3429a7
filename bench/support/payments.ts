import {
  createWalletClient,
  defineChain,
  encodeFunctionData,
  type Hex,
  http,
  parseAbi,
  parseEther,
} from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { sandboxContracts, sandboxWallets } from '../../src/sandbox/sandboxAccounts.ts'
import { sandboxKeys } from '../../src/wallets/sandboxKeys.ts'

const abi = parseAbi(['function transfer(address to, uint256 amount)', 'function tip(string memo)'])

/** One payment, as an agent asks Bursar for it and as a program asks viem. */
export interface Payment {
  readonly name: string
  /** For simulate_transaction. */
  readonly args: object
  /** The same for viem's sendTransaction. */
  readonly transaction: { readonly to: Hex; readonly value?: bigint; readonly data?: Hex }
}

export const PAYMENTS: readonly Payment[] = [
  {
    name: 'native',
    args: { to: 'merchant', amount: '0.01' },
    transaction: { to: sandboxWallets.merchant.address, value: parseEther('0.01') },
  },
  {
    name: 'erc20',
    args: { to: 'merchant', amount: '1', asset: 'USDC' },
    transaction: {
      to: sandboxContracts.usdc,
      data: encodeFunctionData({
        abi,
        functionName: 'transfer',
        args: [sandboxWallets.merchant.address, 1_000_000n],
      }),
    },
  },
  {
    name: 'call',
    args: { to: sandboxContracts.tipJar, function: 'tip(string)', args: ['thanks'], amount: '0.01' },
    transaction: {
      to: sandboxContracts.tipJar,
      value: parseEther('0.01'),
      data: encodeFunctionData({ abi, functionName: 'tip', args: ['thanks'] }),
    },
  },
]

/** Lets a node do what a client otherwise asks it for piece by piece; anvil has it, public endpoints rarely do. */
export const FILL = 'eth_fillTransaction'

/** A client as viem's documentation makes it, of a wallet that Bursar does not use. */
export function viemWallet(url: string) {
  const chain = defineChain({
    id: 31337,
    name: 'Sandbox A',
    nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
    rpcUrls: { default: { http: [url] } },
  })
  const account = privateKeyToAccount(sandboxKeys.payroll.reveal() as Hex)
  return createWalletClient({ account, chain, transport: http(url) })
}
