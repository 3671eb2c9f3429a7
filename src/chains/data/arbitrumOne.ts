import type { Chain } from '../types.ts'

export const arbitrumOne: Chain = {
  id: 'eip155:42161',
  family: 'evm',
  name: 'Arbitrum One',
  aliases: ['arbitrum', 'arbitrum-one'],
  network: 'mainnet',
  native: { name: 'Ether', symbol: 'ETH', decimals: 18, slip44: 60 },
  env: 'ARBITRUM_MAINNET',
  // About five seconds of a sequencer whose order does not change once it is published.
  confirmations: 20,
  blockTimeMs: 250,
  feeModel: 'arbitrum',
  // Its own pricing sets the base fee, blocks are ordered by arrival, and a tip is not charged.
  minTip: '0',
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
  },
  tokens: [{ symbol: 'USDC', address: '0xaf88d065e77c8cC2239327C5EDb3A432268e5831', decimals: 6 }],
  publicRpcUrls: ['https://arb1.arbitrum.io/rpc'],
  explorerUrl: 'https://arbiscan.io',
}
