import type { Chain } from '../types.ts'

export const opBnb: Chain = {
  id: 'eip155:204',
  family: 'evm',
  name: 'opBNB',
  aliases: ['opbnb', 'opbnb-mainnet'],
  network: 'mainnet',
  native: { name: 'BNB', symbol: 'BNB', decimals: 18, slip44: 714 },
  env: 'OPBNB_MAINNET',
  // Ten seconds: blocks come every 250 ms since the Fourier upgrade of January 2026.
  confirmations: 40,
  blockTimeMs: 250,
  feeModel: 'op-stack',
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
    gasPriceOracle: '0x420000000000000000000000000000000000000F',
    l1Block: '0x4200000000000000000000000000000000000015',
  },
  tokens: [],
  publicRpcUrls: ['https://opbnb-mainnet-rpc.bnbchain.org'],
  explorerUrl: 'https://opbnb.bscscan.com',
}
