import { describe, expect, it } from 'vitest'
import type { Asset, Effect } from '../../src/chains/adapter.ts'
import { base } from '../../src/chains/data/base.ts'
import { baseSepolia } from '../../src/chains/data/baseSepolia.ts'
import { type Cap, type Judged, Policy } from '../../src/policy/policy.ts'

const ACCOUNT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const OTHER = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
const native: Asset = { id: 'eip155:8453/slip44:60', decimals: 18, symbol: 'ETH' }
const usdc: Asset = {
  id: 'eip155:8453/erc20:0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
  address: '0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913',
  decimals: 6,
  symbol: 'USDC',
}
/** A token that only calls itself USDC: it has no symbol of the registry. */
const pretender: Asset = {
  id: 'eip155:8453/erc20:0x00000000000000000000000000000000000000E1',
  address: '0x00000000000000000000000000000000000000E1',
  decimals: 6,
  claims: { untrusted: 'USDC' },
}
const GWEI = 1_000_000_000n
const terms = { maxFeePerGas: GWEI.toString(), maxPriorityFeePerGas: '1' }
const matter = (asset: Asset, raw: bigint, more: Partial<Judged> = {}): Judged => ({
  chain: base,
  account: ACCOUNT,
  outflow: { asset, raw },
  effects: [],
  findings: [],
  terms,
  maxFee: 21_000n * GWEI,
  native,
  ...more,
})
const policy = (perTransaction: readonly Cap[], maxGasPriceGwei = '500') =>
  new Policy({
    maxGasPriceGwei,
    perTransaction,
    feePerTransaction: [{ chain: '*', max: '0.1' }],
    maxSlippagePercent: '2.0',
    findingsAllowed: [],
  })
const denied = expect.objectContaining({ code: 'policy_denied', kind: 'policy', sideEffect: 'none' })
const refusal = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    return error
  }
  return undefined
}

describe('R5: caps per transaction', () => {
  const capped = policy([
    { chain: '*', asset: 'native', max: '1.5' },
    { chain: '*', asset: 'USDC', max: '100' },
  ])

  it('R5: hold to the unit', () => {
    expect(capped.judge(matter(native, 1_500_000_000_000_000_000n)).rules).toContain(
      '1.5 ETH: within the cap of 1.5 per transaction',
    )
    expect(refusal(() => capped.judge(matter(native, 1_500_000_000_000_000_001n)))).toEqual(denied)
    expect(capped.judge(matter(usdc, 100_000_000n)).rules).toHaveLength(3)
    expect(refusal(() => capped.judge(matter(usdc, 100_000_001n)))).toMatchObject({
      message: expect.stringContaining('100.000001 USDC would leave, above the cap of 100 USDC'),
    })
  })

  it('R5: the most specific one counts: chain before every chain, address before symbol', () => {
    const rules: readonly Cap[] = [
      { chain: '*', asset: 'USDC', max: '1' },
      { chain: '*', asset: '0x833589fcd6edb6e08f4c7c32d4f71b54bda02913', max: '2' },
      { chain: 'eip155:8453', asset: 'usdc', max: '3' },
      { chain: 'eip155:8453', asset: '0x833589FCD6EDB6E08F4C7C32D4F71B54BDA02913', max: '4' },
      { chain: 'eip155:1', asset: 'USDC', max: '1000' },
    ]
    const limit = (given: readonly Cap[], raw: bigint) =>
      refusal(() => policy(given).judge(matter(usdc, raw)))
    for (const [count, units] of [
      [4, 4_000_000n],
      [3, 3_000_000n],
      [2, 2_000_000n],
      [1, 1_000_000n],
    ] as const) {
      const given = [...rules.slice(0, count), ...rules.slice(4)].reverse()
      expect(limit(given, units)).toBeUndefined()
      expect(limit(given, units + 1n)).toEqual(denied)
    }
  })

  it('T7: a token that calls itself USDC has nothing of the cap of USDC', () => {
    expect(refusal(() => capped.judge(matter(pretender, 1n)))).toMatchObject({
      message: expect.stringContaining(
        'no cap is set for eip155:8453/erc20:0x00000000000000000000000000000000000000E1',
      ),
    })
  })

  it('F3: on a mainnet nothing leaves without a cap; on a test network it does, and the verdict says so', () => {
    expect(refusal(() => policy([]).judge(matter(native, 1n)))).toEqual(denied)
    expect(policy([]).judge(matter(native, 1n, { chain: baseSepolia })).rules).toContain(
      '0.000000000000000001 ETH: no cap is set for ETH on a test network',
    )
  })

  it('R5: a cap with more decimals than the asset has denies, it does not round', () => {
    const fine = policy([{ chain: '*', asset: 'USDC', max: '1.0000009' }])
    expect(refusal(() => fine.judge(matter(usdc, 1n)))).toEqual(denied)
  })
})

describe('T17, T11: what a simulation shows counts, not only what the caller said', () => {
  const capped = policy([
    { chain: '*', asset: 'native', max: '1' },
    { chain: '*', asset: 'USDC', max: '100' },
  ])
  const effect = (kind: Effect['kind'], raw: bigint, more: Partial<Effect> = {}): Effect => ({
    kind,
    asset: usdc,
    from: ACCOUNT,
    to: OTHER,
    raw,
    ...more,
  })
  const judge = (...effects: Effect[]) => refusal(() => capped.judge(matter(native, 0n, { effects })))

  it('T17: an approval counts as what it allows to be taken', () => {
    expect(judge(effect('approval', 100_000_000n))).toBeUndefined()
    expect(judge(effect('approval', 100_000_001n))).toEqual(denied)
    expect(judge(effect('approval', 2n ** 256n - 1n))).toEqual(denied)
  })

  it('T18, T20: transfers and approvals of one transaction are added up', () => {
    expect(judge(effect('transfer', 60_000_000n), effect('transfer', 40_000_000n))).toBeUndefined()
    expect(judge(effect('transfer', 60_000_000n), effect('transfer', 40_000_001n))).toEqual(denied)
    expect(judge(effect('transfer', 60_000_000n), effect('approval', 40_000_001n))).toEqual(denied)
  })

  it('R5: what comes in does not pay for what goes out, and what others move is not ours', () => {
    const incoming = effect('transfer', 500_000_000n, { from: OTHER, to: ACCOUNT })
    expect(judge(incoming)).toBeUndefined()
    expect(judge(incoming, effect('transfer', 100_000_001n))).toEqual(denied)
  })

  it('T11: a token whose events say less than the caller asked is judged by what the caller asked', () => {
    const lying = matter(usdc, 100_000_001n, { effects: [effect('transfer', 1n)] })
    expect(refusal(() => capped.judge(lying))).toEqual(denied)
  })

  it('T11: an asset that the caller did not mention needs a cap as well', () => {
    expect(judge(effect('transfer', 1n, { asset: pretender }))).toEqual(denied)
  })
})

describe('D4, T35: the price of gas', () => {
  const at = (maxFeePerGas: bigint, cap: string) =>
    refusal(() =>
      policy([], cap).judge(
        matter(native, 0n, {
          chain: baseSepolia,
          terms: { ...terms, maxFeePerGas: maxFeePerGas.toString() },
        }),
      ),
    )

  it('D4: is capped to the wei', () => {
    expect(at(500n * GWEI, '500')).toBeUndefined()
    expect(at(500n * GWEI + 1n, '500')).toMatchObject({
      code: 'gas_price_above_cap',
      context: { price: '500.000000001', cap: '500' },
      sideEffect: 'none',
    })
    expect(at(1n, '0.000000001')).toBeUndefined()
    expect(at(2n, '0.000000001')).toMatchObject({ code: 'gas_price_above_cap' })
  })

  it('T35: a base fee a thousand times higher sends nothing', () => {
    expect(at(1_000n * GWEI, '500')).toMatchObject({ code: 'gas_price_above_cap' })
  })
})

it('T37: two sets of rules have two versions, and a receipt can say which one judged', () => {
  const version = (max: string) => policy([{ chain: '*', asset: 'native', max }]).version
  expect(version('1')).not.toBe(version('2'))
  expect(version('1')).toBe(version('1'))
})

describe('T35: the cap on the fee', () => {
  const capped = new Policy({
    maxGasPriceGwei: '500',
    perTransaction: [{ chain: '*', asset: 'native', max: '1' }],
    feePerTransaction: [
      { chain: '*', max: '0.1' },
      { chain: 'eip155:8453', max: '0.002' },
    ],
    maxSlippagePercent: '2.0',
    findingsAllowed: [],
  })
  const fee = (maxFee: bigint, chain = base) => matter(native, 0n, { maxFee, chain })

  it('T35: holds to the unit, by chain before *', () => {
    expect(capped.judge(fee(2_000_000_000_000_000n)).rules).toContain('gas for at most 0.002 ETH, cap 0.002')
    expect(refusal(() => capped.judge(fee(2_000_000_000_000_001n)))).toMatchObject({
      code: 'policy_denied',
      context: { rule: 'fee-cap' },
      message: expect.stringContaining(
        'its gas could cost 0.002000000000000001 ETH, and the cap is 0.002 ETH (MAX_FEE_PER_TRANSACTION)',
      ),
    })
    expect(capped.judge(fee(100_000_000_000_000_000n, baseSepolia)).rules).toHaveLength(2)
    expect(refusal(() => capped.judge(fee(100_000_000_000_000_001n, baseSepolia)))).toEqual(denied)
  })

  it('T35: without any cap nothing is paid', () => {
    const none = new Policy({
      maxGasPriceGwei: '500',
      perTransaction: [],
      feePerTransaction: [],
      maxSlippagePercent: '0',
      findingsAllowed: [],
    })
    expect(refusal(() => none.judge(fee(1n, baseSepolia)))).toEqual(denied)
  })
})
