import type { Chain } from '../types.ts'

export const bnb: Chain = {
  id: 'eip155:56',
  family: 'evm',
  name: 'BNB Smart Chain',
  aliases: ['bnb', 'bsc'],
  network: 'mainnet',
  native: { name: 'BNB', symbol: 'BNB', decimals: 18, slip44: 714 },
  env: 'BNB_MAINNET',
  // The number of blocks that finality took before fast finality; it still holds when votes fail.
  confirmations: 15,
  blockTimeMs: 750,
  feeModel: 'eip1559',
  // The base fee is zero for ever (BEP-226), so the tip is the price; validators take no less than 0.05 gwei.
  minTip: '50000000',
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
  },
  tokens: [],
  publicRpcUrls: ['https://56.rpc.thirdweb.com'],
  explorerUrl: 'https://bscscan.com',
}
