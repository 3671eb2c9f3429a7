import { describe, expect, it } from 'vitest'
import type { Asset, Effect } from '../../src/chains/adapter.ts'
import { base } from '../../src/chains/data/base.ts'
import { requireAsShown } from '../../src/policy/shownEffects.ts'

const ACCOUNT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const SHOP = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
const THIEF = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'
const usdc: Asset = { id: 'eip155:8453/erc20:0xA0', address: '0xA0', decimals: 6, symbol: 'USDC' }
const weth: Asset = { id: 'eip155:8453/erc20:0xE0', address: '0xE0', decimals: 18, symbol: 'WETH' }

const pays = (raw: bigint, to = SHOP, asset = usdc): Effect => ({
  kind: 'transfer',
  asset,
  from: ACCOUNT,
  to,
  raw,
})
const gets = (raw: bigint): Effect => ({ kind: 'transfer', asset: weth, from: SHOP, to: ACCOUNT, raw })
const approves = (raw: bigint, to = SHOP): Effect => ({ ...pays(raw, to), kind: 'approval' })

const check = (
  shown: readonly Effect[],
  now: readonly Effect[],
  slippage = 200n,
  commanded: readonly string[] = [],
) => {
  try {
    requireAsShown(base, { account: ACCOUNT, commanded }, shown, now, slippage)
    return 'as shown'
  } catch (error) {
    return error
  }
}
const changed = (what: string) => ({
  code: 'effects_changed',
  sideEffect: 'none',
  chain: 'eip155:8453',
  context: { what },
})

describe('T11: what leaves', () => {
  it('may not exceed what was shown by more than the slippage, to the unit', () => {
    expect(check([pays(10_000_000n)], [pays(10_200_000n)])).toBe('as shown')
    expect(check([pays(10_000_000n)], [pays(10_200_001n)])).toMatchObject(
      changed(`10.200001 USDC would go to ${SHOP}, not 10 USDC`),
    )
    expect(check([pays(10_000_000n)], [pays(10_000_001n)], 0n)).toMatchObject({ code: 'effects_changed' })
  })

  it('may not go to somebody who was not shown, however little it is', () => {
    expect(check([pays(10_000_000n)], [pays(9_999_999n), pays(1n, THIEF)])).toMatchObject(
      changed(`0.000001 USDC would go to ${THIEF}, not 0 USDC`),
    )
  })

  it('may not be another asset', () => {
    expect(check([pays(10_000_000n)], [pays(10_000_000n), pays(1n, SHOP, weth)])).toMatchObject({
      code: 'effects_changed',
    })
  })

  it('is summed: several small transfers are one large one', () => {
    const slices = Array.from({ length: 11 }, () => pays(1_000_000n))
    expect(check([pays(10_000_000n)], slices)).toMatchObject({ code: 'effects_changed' })
    expect(check([pays(10_000_000n)], slices.slice(1))).toBe('as shown')
  })

  it('may be less', () => {
    expect(check([pays(10_000_000n)], [pays(1n)])).toBe('as shown')
    expect(check([pays(10_000_000n)], [])).toBe('as shown')
  })
})

it('T17: an approval may not turn up where a transfer was shown, nor for another spender', () => {
  expect(check([pays(10_000_000n)], [approves(1n)])).toMatchObject(
    changed(`0.000001 USDC would be approved for ${SHOP}, not 0 USDC`),
  )
  expect(check([approves(5n)], [approves(5n, THIEF)])).toMatchObject({ code: 'effects_changed' })
  expect(check([approves(5n)], [approves(5n)])).toBe('as shown')
})

it('D3: what comes in may not fall below what was shown by more than the slippage', () => {
  expect(check([gets(1_000_000n)], [gets(980_000n)])).toBe('as shown')
  expect(check([gets(1_000_000n)], [gets(979_999n)])).toMatchObject(
    changed('0.000000000000979999 WETH would come in, not 0.000000000001 WETH'),
  )
  expect(check([gets(1n)], [])).toMatchObject({ code: 'effects_changed' })
})

it('what others do among themselves changes nothing', () => {
  expect(check([], [{ ...gets(5n), to: THIEF }])).toBe('as shown')
})

describe('T11: what a contract gives at the account’s command', () => {
  const SAFE = '0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65'
  const given = (raw: bigint, to = SHOP): Effect => ({ ...pays(raw, to), from: SAFE })
  const commands = (shown: readonly Effect[], now: readonly Effect[]) => check(shown, now, 200n, [SAFE])

  it('may not exceed what was shown either, nor go to somebody else', () => {
    expect(commands([given(10_000_000n)], [given(10_200_000n)])).toBe('as shown')
    expect(commands([given(10_000_000n)], [given(10_200_001n)])).toMatchObject(
      changed(`10.200001 USDC would go to ${SHOP}, not 10 USDC`),
    )
    expect(commands([given(10_000_000n)], [given(10_000_000n, THIEF)])).toMatchObject({
      code: 'effects_changed',
    })
    expect(check([given(1n)], [given(5_000_000n)])).toBe('as shown')
  })

  it('counts once when it goes from one to the other, and more of that is still more from the account', () => {
    const through = (raw: bigint) => [pays(raw, SAFE), given(raw)]
    expect(commands(through(10_000_000n), through(10_000_000n))).toBe('as shown')
    // Whose command a contract follows is its own word.
    expect(commands([pays(1_000_000n, SAFE)], [pays(9_000_000n, SAFE)])).toMatchObject(
      changed(`9 USDC would go to ${SAFE}, not 1 USDC`),
    )
  })
})
