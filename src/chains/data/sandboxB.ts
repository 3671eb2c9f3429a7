import type { Chain } from '../types.ts'

/** The sandbox chain that stands in for opBNB Testnet. Its own id keeps its signatures worthless elsewhere. */
export const sandboxB: Chain = {
  id: 'eip155:31338',
  family: 'evm',
  name: 'Sandbox B',
  aliases: ['sandbox-b'],
  network: 'sandbox',
  native: { name: 'Sandbox BNB', symbol: 'tBNB', decimals: 18, slip44: 1 },
  env: 'SANDBOX_B',
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
