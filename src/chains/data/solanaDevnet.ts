import type { Chain } from '../types.ts'

export const solanaDevnet: Chain = {
  id: 'solana:EtWTRABZaYq6iMfeYKouRu166VU2xqa1',
  family: 'solana',
  name: 'Solana Devnet',
  aliases: ['solana-devnet'],
  network: 'testnet',
  native: { name: 'Solana', symbol: 'SOL', decimals: 9, slip44: 1 },
  env: 'SOL_DEVNET',
  confirmations: 32,
  blockTimeMs: 400,
  feeModel: 'solana',
  contracts: {},
  tokens: [{ symbol: 'USDC', address: '4zMMC9srt5Ri5X14GAgXhaHii3GnPAEERYPJgZJDncDU', decimals: 6 }],
  publicRpcUrls: ['https://api.devnet.solana.com'],
}
