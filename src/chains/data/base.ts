import type { Chain } from '../types.ts'

export const base: Chain = {
  id: 'eip155:8453',
  family: 'evm',
  name: 'Base',
  aliases: ['base', 'base-mainnet'],
  network: 'mainnet',
  native: { name: 'Ether', symbol: 'ETH', decimals: 18, slip44: 60 },
  env: 'BASE_MAINNET',
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
  tokens: [{ symbol: 'USDC', address: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913', decimals: 6 }],
  publicRpcUrls: ['https://mainnet.base.org'],
  explorerUrl: 'https://basescan.org',
}
