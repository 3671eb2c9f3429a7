import type { Chain } from '../types.ts'

export const ethereum: Chain = {
  id: 'eip155:1',
  family: 'evm',
  name: 'Ethereum',
  aliases: ['ethereum', 'eth-mainnet'],
  network: 'mainnet',
  native: { name: 'Ether', symbol: 'ETH', decimals: 18, slip44: 60 },
  env: 'ETH_MAINNET',
  confirmations: 12,
  blockTimeMs: 12_000,
  feeModel: 'eip1559',
  baseFee: { target: [1, 2], denominator: 8 },
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
    // docs.ens.domains/learn/deployments
    ensRegistry: '0x00000000000C2E074eC69A0dFb2997BA6C7d2e1e',
  },
  tokens: [{ symbol: 'USDC', address: '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48', decimals: 6 }],
  publicRpcUrls: ['https://ethereum.reth.rs/rpc'],
  explorerUrl: 'https://etherscan.io',
}
