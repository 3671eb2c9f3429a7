import type { Chain } from '../types.ts'

export const opSepolia: Chain = {
  id: 'eip155:11155420',
  family: 'evm',
  name: 'OP Sepolia',
  aliases: ['op-sepolia', 'optimism-sepolia'],
  network: 'testnet',
  native: { name: 'Sepolia Ether', symbol: 'ETH', decimals: 18, slip44: 1 },
  env: 'OPTIMISM_SEPOLIA',
  confirmations: 12,
  blockTimeMs: 2000,
  feeModel: 'op-stack',
  baseFee: { target: [1, 6], denominator: 250 },
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
    gasPriceOracle: '0x420000000000000000000000000000000000000F',
    l1Block: '0x4200000000000000000000000000000000000015',
  },
  tokens: [{ symbol: 'USDC', address: '0x5fd84259d66Cd46123540766Be93DFE6D43130D7', decimals: 6 }],
  publicRpcUrls: ['https://sepolia.optimism.io'],
  explorerUrl: 'https://optimism-sepolia.blockscout.com',
}
