import type { Chain } from '../types.ts'

export const opBnbTestnet: Chain = {
  id: 'eip155:5611',
  family: 'evm',
  name: 'opBNB Testnet',
  aliases: ['opbnb-testnet'],
  network: 'testnet',
  native: { name: 'tBNB', symbol: 'tBNB', decimals: 18, slip44: 1 },
  env: 'OPBNB_TESTNET',
  confirmations: 40,
  blockTimeMs: 250,
  feeModel: 'op-stack',
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
    gasPriceOracle: '0x420000000000000000000000000000000000000F',
    l1Block: '0x4200000000000000000000000000000000000015',
  },
  tokens: [],
  publicRpcUrls: ['https://opbnb-testnet-rpc.bnbchain.org'],
  explorerUrl: 'https://testnet.opbnbscan.com',
}
