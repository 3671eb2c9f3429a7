import type { Chain } from '../types.ts'

export const opMainnet: Chain = {
  id: 'eip155:10',
  family: 'evm',
  name: 'OP Mainnet',
  aliases: ['optimism', 'op-mainnet'],
  network: 'mainnet',
  native: { name: 'Ether', symbol: 'ETH', decimals: 18, slip44: 60 },
  env: 'OPTIMISM_MAINNET',
  // One sequencer orders the blocks; it reorganises only when it fails, and then by a few blocks.
  confirmations: 12,
  blockTimeMs: 2000,
  feeModel: 'op-stack',
  // Before Holocene (Canyon); blocks carry their own numbers since.
  baseFee: { target: [1, 6], denominator: 250 },
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
    gasPriceOracle: '0x420000000000000000000000000000000000000F',
    l1Block: '0x4200000000000000000000000000000000000015',
  },
  tokens: [{ symbol: 'USDC', address: '0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85', decimals: 6 }],
  publicRpcUrls: ['https://mainnet.optimism.io'],
  explorerUrl: 'https://optimistic.etherscan.io',
}
