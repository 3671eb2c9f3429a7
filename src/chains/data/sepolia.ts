import type { Chain } from '../types.ts'

export const sepolia: Chain = {
  id: 'eip155:11155111',
  family: 'evm',
  name: 'Sepolia',
  aliases: ['sepolia', 'eth-sepolia'],
  network: 'testnet',
  native: { name: 'Sepolia Ether', symbol: 'ETH', decimals: 18, slip44: 1 },
  env: 'ETH_SEPOLIA',
  confirmations: 12,
  blockTimeMs: 12_000,
  feeModel: 'eip1559',
  baseFee: { target: [1, 2], denominator: 8 },
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
    // docs.ens.domains/learn/deployments
    ensRegistry: '0x00000000000C2E074eC69A0dFb2997BA6C7d2e1e',
  },
  tokens: [{ symbol: 'USDC', address: '0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238', decimals: 6 }],
  publicRpcUrls: ['https://11155111.rpc.thirdweb.com'],
  explorerUrl: 'https://sepolia.etherscan.io',
}
