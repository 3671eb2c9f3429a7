import type { Chain } from '../types.ts'

export const solana: Chain = {
  id: 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp',
  family: 'solana',
  name: 'Solana',
  aliases: ['solana', 'solana-mainnet'],
  network: 'mainnet',
  native: { name: 'Solana', symbol: 'SOL', decimals: 9, slip44: 501 },
  env: 'SOL_MAINNET',
  // Votes root a slot once 31 slots are built on it: this is the cluster's own "finalized".
  confirmations: 32,
  blockTimeMs: 400,
  feeModel: 'solana',
  contracts: {},
  tokens: [{ symbol: 'USDC', address: 'EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v', decimals: 6 }],
  publicRpcUrls: ['https://api.mainnet-beta.solana.com'],
  explorerUrl: 'https://explorer.solana.com',
}
