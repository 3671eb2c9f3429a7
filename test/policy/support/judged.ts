import { expect } from 'vitest'
import type { Asset } from '../../../src/chains/adapter.ts'
import { base } from '../../../src/chains/data/base.ts'
import { type Cap, type Judged, Policy } from '../../../src/policy/policy.ts'

export const ACCOUNT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
export const OTHER = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
export const native: Asset = { id: 'eip155:8453/slip44:60', decimals: 18, symbol: 'ETH' }
export const usdc: Asset = {
  id: 'eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
  address: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
  decimals: 6,
  symbol: 'USDC',
}
/** A token that only calls itself USDC: it has no symbol of the registry. */
export const pretender: Asset = {
  id: 'eip155:8453/erc20:0x00000000000000000000000000000000000000E1',
  address: '0x00000000000000000000000000000000000000E1',
  decimals: 6,
  claims: { untrusted: 'USDC' },
}
export const GWEI = 1_000_000_000n
export const terms = { maxFeePerGas: GWEI.toString(), maxPriorityFeePerGas: '1' }
export const matter = (asset: Asset, raw: bigint, more: Partial<Judged> = {}): Judged => ({
  chain: base,
  account: ACCOUNT,
  wallet: 'agent',
  principal: 'local',
  calls: [],
  moments: [0, 0],
  outflow: { asset, raw },
  effects: [],
  findings: [],
  terms,
  maxFee: 21_000n * GWEI,
  native,
  ...more,
})
export const policy = (perTransaction: readonly Cap[], maxGasPriceGwei = '500') =>
  new Policy({
    maxGasPriceGwei,
    perTransaction,
    feePerTransaction: [{ chain: '*', max: '0.1' }],
    maxSlippagePercent: '2.0',
    findingsAllowed: [],
  })
export const denied = expect.objectContaining({ code: 'policy_denied', kind: 'policy', sideEffect: 'none' })
export const refusal = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}
