import type { Chain } from '../types.ts'

export const bnbTestnet: Chain = {
  id: 'eip155:97',
  family: 'evm',
  name: 'BSC Testnet',
  aliases: ['bsc-testnet', 'bnb-testnet'],
  network: 'testnet',
  native: { name: 'BNB', symbol: 'tBNB', decimals: 18, slip44: 1 },
  env: 'BNB_TESTNET',
  confirmations: 15,
  blockTimeMs: 750,
  feeModel: 'eip1559',
  // The base fee is zero for ever (BEP-226), so the tip is the price; validators take no less than 0.05 gwei.
  minTip: '50000000',
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
  },
  tokens: [],
  publicRpcUrls: ['https://data-seed-prebsc-1-s1.bnbchain.org:8545'],
  explorerUrl: 'https://testnet.bscscan.com',
}
