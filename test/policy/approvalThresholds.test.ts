import { describe, expect, it } from 'vitest'
import type { Asset, Effect } from '../../src/chains/adapter.ts'
import { nativeAsset } from '../../src/chains/amounts.ts'
import { createRegistry } from '../../src/chains/registry.ts'
import { type Cap, type Judged, Policy } from '../../src/policy/policy.ts'
import { Spent } from '../../src/store/spending/spentWindow.ts'
import { ACCOUNT, matter as matterOnBase, OTHER } from './support/judged.ts'

const chain = createRegistry().resolve('base-sepolia')
const native = nativeAsset(chain)
const usdc: Asset = { id: `${chain.id}/erc20:0xaa`, address: '0xaa', symbol: 'USDC', decimals: 6 }
const ETH = 1_000_000_000_000_000_000n

const policy = (approvalAbove: readonly Cap[], elicitUpTo?: readonly Cap[]) =>
  new Policy({
    maxGasPriceGwei: '500',
    perTransaction: [],
    feePerTransaction: [{ chain: '*', max: '0.1' }],
    maxSlippagePercent: '2.0',
    findingsAllowed: [],
    approvalAbove,
    ...(elicitUpTo && { elicitUpTo }),
  })

/** On a test network, where nothing needs a cap. */
const matter = (asset: Asset, raw: bigint, more: Partial<Judged> = {}) =>
  matterOnBase(asset, raw, { chain, native, ...more })

const effect = (kind: Effect['kind'], asset: Asset, raw: bigint): Effect => {
  return { kind, asset, from: ACCOUNT, to: OTHER, raw }
}

const cap = (asset: string, max: string, place = '*'): Cap => ({ chain: place, asset, max })

describe('F4: what needs a person', () => {
  it('is what leaves above the threshold, to the unit, by chain before *', () => {
    const { judge } = bound(policy([cap('native', '1'), cap('native', '0.5', chain.id)]))
    expect(judge(matter(native, ETH / 2n)).approval).toBeUndefined()
    expect(judge(matter(native, ETH / 2n + 1n)).approval).toEqual({
      rules: ['0.500000000000000001 ETH would leave, and above 0.5 ETH a person has to approve'],
      mayElicit: false,
    })
  })

  it('is nothing without thresholds, and no asset that has none', () => {
    expect(policy([]).judge(matter(native, 9n * ETH)).approval).toBeUndefined()
    expect(policy([cap('USDC', '1')]).judge(matter(native, 9n * ETH)).approval).toBeUndefined()
  })

  it('is more than a threshold that the asset cannot tell exactly', () => {
    const fine = policy([cap('USDC', '1.0000001')])
    expect(fine.judge(matter(usdc, 1n)).approval).toBeDefined()
  })

  it('may be a yes in the client only where each asset that is above allows it', () => {
    const both = policy([cap('native', '1'), cap('USDC', '10')], [cap('native', '2')])
    const moved = [effect('transfer', usdc, 11_000_000n)]
    expect(both.judge(matter(native, 2n * ETH)).approval?.mayElicit).toBe(true)
    expect(both.judge(matter(native, 2n * ETH + 1n)).approval?.mayElicit).toBe(false)
    const together = both.judge(matter(native, 2n * ETH, { effects: moved })).approval
    expect(together?.mayElicit).toBe(false)
    expect(together?.rules).toHaveLength(2)
  })

  it('counts an allowance that the same intent gives: what is taken of it once, what is left of it besides', () => {
    const { judge } = bound(policy([cap('USDC', '30')]))
    const allowedBefore = [{ asset: usdc, recipient: OTHER, raw: 25_000_000n }]
    const takes = (raw: bigint) =>
      judge(matter(native, 0n, { allowedBefore, effects: raw > 0n ? [effect('transfer', usdc, raw)] : [] }))
    expect(takes(25_000_000n).approval).toBeUndefined()
    expect(takes(30_000_000n).approval).toBeUndefined()
    expect(takes(30_000_001n).approval?.rules).toEqual([
      '30.000001 USDC would leave, and above 30 USDC a person has to approve',
    ])
    expect(takes(0n).approval).toBeUndefined()
    // What it leaves allowed is added to what it takes or allows otherwise.
    const more = [effect('approval', usdc, 5_000_001n)]
    expect(judge(matter(native, 0n, { allowedBefore, effects: more })).approval?.rules).toEqual([
      '30.000001 USDC would leave, and above 30 USDC a person has to approve',
    ])
    const two = [...allowedBefore, { asset: usdc, recipient: OTHER, raw: 6_000_000n }]
    expect(judge(matter(native, 0n, { allowedBefore: two })).approval).toBeDefined()
  })

  it('tells an asset that nobody vouches for by its id', () => {
    const stranger: Asset = { id: `${chain.id}/erc20:0xe1`, address: '0xe1', decimals: 6 }
    expect(policy([cap('0xe1', '1')]).judge(matter(stranger, 1_000_001n)).approval?.rules).toEqual([
      '1.000001 eip155:84532/erc20:0xe1 would leave, and above 1 eip155:84532/erc20:0xe1 a person has to approve',
    ])
  })

  it('is told with the limits, and changes the version of the policy', () => {
    const one = policy([cap('native', '1')])
    expect(one.describe({ principal: 'local', now: 0 }, new Spent(new Map()))).toContain(
      'above 1 native on every chain only when a person approves',
    )
    expect(policy([cap('native', '2')]).version).not.toBe(one.version)
    expect(policy([cap('native', '1')], [cap('native', '2')]).version).not.toBe(one.version)
  })
})

const bound = (judging: Policy) => ({ judge: (judged: Judged) => judging.judge(judged) })
