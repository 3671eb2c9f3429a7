import type { Chain } from '../types.ts'

export const arbitrumSepolia: Chain = {
  id: 'eip155:421614',
  family: 'evm',
  name: 'Arbitrum Sepolia',
  aliases: ['arbitrum-sepolia'],
  network: 'testnet',
  native: { name: 'Arbitrum Sepolia Ether', symbol: 'ETH', decimals: 18, slip44: 1 },
  env: 'ARBITRUM_SEPOLIA',
  confirmations: 20,
  blockTimeMs: 250,
  feeModel: 'arbitrum',
  // Its own pricing sets the base fee, blocks are ordered by arrival, and a tip is not charged.
  minTip: '0',
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
  },
  tokens: [{ symbol: 'USDC', address: '0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d', decimals: 6 }],
  publicRpcUrls: ['https://sepolia-rollup.arbitrum.io/rpc'],
  explorerUrl: 'https://sepolia.arbiscan.io',
}
