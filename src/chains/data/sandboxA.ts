import type { Chain } from '../types.ts'

/** The sandbox chain that stands in for Base Sepolia. Its own id keeps its signatures worthless elsewhere. */
export const sandboxA: Chain = {
  id: 'eip155:31337',
  family: 'evm',
  name: 'Sandbox A',
  aliases: ['sandbox-a'],
  network: 'sandbox',
  native: { name: 'Sandbox Ether', symbol: 'ETH', decimals: 18, slip44: 1 },
  env: 'SANDBOX_A',
  confirmations: 2,
  blockTimeMs: 1000,
  feeModel: 'eip1559',
  baseFee: { target: [1, 2], denominator: 8 },
  contracts: {
    multicall3: '0xcA11bde05977b3631167028862bE2a173976CA11',
    tipJar: '0x225FEF2B544DEbcA5D2833CdA879E16cA1458163',
  },
  tokens: [{ symbol: 'USDC', address: '0x9594a4C95A3acfb82307B158CD774a6740316BEd', decimals: 6 }],
  publicRpcUrls: [],
}
