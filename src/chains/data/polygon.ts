import type { Chain } from '../types.ts'

export const polygon: Chain = {
  id: 'eip155:137',
  family: 'evm',
  name: 'Polygon',
  aliases: ['polygon', 'polygon-pos'],
  network: 'mainnet',
  native: { name: 'POL', symbol: 'POL', decimals: 18, slip44: 966 },
  env: 'POLYGON_MAINNET',
  // Reorganisations of many blocks have happened here; half a minute more is cheap against paying twice.
  confirmations: 32,
  blockTimeMs: 2000,
  feeModel: 'eip1559',
  // PIP-58 and the Dandeli upgrade; since Lisovo a producer may choose otherwise, by 5 % a block at most.
  baseFee: { target: [65, 100], denominator: 64 },
  // bor keeps no transaction below 25 gwei in its pool.
  minTip: '25000000000',
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
  },
  tokens: [{ symbol: 'USDC', address: '0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359', decimals: 6 }],
  publicRpcUrls: ['https://polygon.drpc.org'],
  explorerUrl: 'https://polygonscan.com',
}
