import { describe, expect, it } from 'vitest'
import type { Asset, Effect } from '../../src/chains/adapter.ts'
import { base } from '../../src/chains/data/base.ts'
import { baseSepolia } from '../../src/chains/data/baseSepolia.ts'
import { type Cap, type Judged, Policy } from '../../src/policy/policy.ts'
import { Spent } from '../../src/store/spending/spentWindow.ts'
import {
  ACCOUNT,
  denied,
  GWEI,
  matter,
  native,
  OTHER,
  policy,
  pretender,
  refusal,
  terms,
  usdc,
} from './support/judged.ts'

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

  it('T35: a currency without a symbol is told by its id', () => {
    const nameless: Asset = { id: 'eip155:8453/slip44:60', decimals: 18 }
    const judged = matter(nameless, 0n, { native: nameless, maxFee: 1_000_000_000_000_000n })
    expect(capped.judge(judged).rules).toContain('gas for at most 0.001 eip155:8453/slip44:60, cap 0.002')
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

describe('R5: what a transaction took', () => {
  const owner = { account: ACCOUNT }
  const moved = (asset: Asset, raw: bigint, to = OTHER): Effect => ({
    kind: 'transfer',
    asset,
    from: ACCOUNT,
    to,
    raw,
  })
  const spends = (declared: bigint, asset: Asset, ...effects: readonly Effect[]) =>
    policy([]).spendsSeen(owner, { asset, raw: declared }, effects)

  it('is what its events show, by recipient and in all', () => {
    expect(spends(100n, usdc, moved(usdc, 60n), moved(usdc, 5n, ACCOUNT), moved(usdc, 10n))).toEqual([
      { asset: usdc.id, recipient: '', raw: '75' },
      { asset: usdc.id, recipient: OTHER, raw: '70' },
    ])
  })

  it('T7: is at least what was declared of a token that nobody vouches for', () => {
    expect(spends(100n, pretender, moved(pretender, 1n))[0]).toMatchObject({ recipient: '', raw: '100' })
  })
})

it('F3: an asset that nobody vouches for is told by its id when it would do worse than shown', () => {
  const shown = [{ kind: 'transfer', asset: pretender, from: ACCOUNT, to: OTHER, raw: 1n }] as const
  const now = [{ ...shown[0], raw: 5n }]
  expect(policy([]).worseThanShown({ account: ACCOUNT }, shown, now)).toContain(pretender.id)
})

it('F4, D3: tells its settings, thresholds for a person among them, and after how many blocks what is private may be public', () => {
  const settings = {
    ...{
      maxGasPriceGwei: '500',
      perTransaction: [{ chain: '*', asset: 'native', max: '1' }],
      maxSlippagePercent: '2.0',
    },
    ...{ feePerTransaction: [{ chain: 'eip155:1', max: '0.1' }], findingsAllowed: [] },
    approvalAbove: [{ chain: '*', asset: 'native', max: '0.5' }],
  }
  const told = new Policy(settings).describe({ principal: 'local', now: 0 }, new Spent(new Map()))
  expect(told).toHaveLength(4)
  const blocks = [new Policy(settings), new Policy({ ...settings, privateFallbackBlocks: 7 })]
  expect(blocks.map(({ privateFallbackBlocks }) => privateFallbackBlocks)).toEqual([0, 7])
  expect(blocks[0]?.maxGasPrice).toBe(500_000_000_000n)
})

it('R1: what is worse than what was shown is refused', () => {
  const paid = (raw: bigint): readonly Effect[] => [
    { kind: 'transfer', asset: native, from: ACCOUNT, to: OTHER, raw },
  ]
  const open = policy([{ chain: '*', asset: 'native', max: '1' }])
  const judged = (now: bigint) => matter(native, 1n, { effects: paid(now), shown: paid(100n) })
  expect(refusal(() => open.judge(judged(102n)))).toBeUndefined()
  expect(refusal(() => open.judge(judged(103n)))).toMatchObject({ code: 'effects_changed' })
})

it('F3: on a chain without a contract that passes calls on, what goes there is paid to it', () => {
  const passing = '0xcA11bde05977b3631167028862bE2a173976CA11'
  const effects: readonly Effect[] = [
    { kind: 'transfer', asset: native, from: ACCOUNT, to: passing, raw: 1n },
  ]
  const { contracts: _, ...rest } = base
  const cap = policy([{ chain: '*', asset: 'native', max: '1' }])
  const recipients = (chain: Judged['chain']) =>
    cap.judge(matter(native, 1n, { effects, chain })).spends.map(({ recipient }) => recipient)
  expect(recipients({ ...rest, contracts: {} })).toContain(passing)
  expect(recipients(base)).not.toContain(passing)
})

it('a setting that is no number is a defect, and is not read as one', () => {
  expect(() => policy([], '1,5')).toThrow(TypeError)
})
