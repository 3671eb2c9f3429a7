import type { Chain } from '../types.ts'

export const polygonAmoy: Chain = {
  id: 'eip155:80002',
  family: 'evm',
  name: 'Polygon Amoy',
  aliases: ['polygon-amoy', 'amoy'],
  network: 'testnet',
  native: { name: 'POL', symbol: 'POL', decimals: 18, slip44: 1 },
  env: 'POLYGON_AMOY',
  confirmations: 32,
  blockTimeMs: 2000,
  feeModel: 'eip1559',
  baseFee: { target: [65, 100], denominator: 64 },
  minTip: '25000000000',
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
  },
  tokens: [{ symbol: 'USDC', address: '0x41E94Eb019C0762f9Bfcf9Fb1E58725BfB0e7582', decimals: 6 }],
  publicRpcUrls: ['https://polygon-amoy.drpc.org'],
  explorerUrl: 'https://amoy.polygonscan.com',
}
