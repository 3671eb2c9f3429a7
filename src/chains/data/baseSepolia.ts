import type { Chain } from '../types.ts'

export const baseSepolia: Chain = {
  id: 'eip155:84532',
  family: 'evm',
  name: 'Base Sepolia',
  aliases: ['base-sepolia'],
  network: 'testnet',
  native: { name: 'Sepolia Ether', symbol: 'ETH', decimals: 18, slip44: 1 },
  env: 'BASE_SEPOLIA',
  confirmations: 12,
  blockTimeMs: 2000,
  feeModel: 'op-stack',
  baseFee: { target: [1, 10], denominator: 250 },
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
    gasPriceOracle: '0x420000000000000000000000000000000000000F',
    l1Block: '0x4200000000000000000000000000000000000015',
  },
  tokens: [{ symbol: 'USDC', address: '0x036CbD53842c5426634e7929541eC2318f3dCF7e', decimals: 6 }],
  publicRpcUrls: ['https://sepolia.base.org'],
  explorerUrl: 'https://sepolia.basescan.org',
}
