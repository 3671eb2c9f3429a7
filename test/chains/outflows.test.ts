import { describe, expect, it } from 'vitest'
import type { Asset, Effect } from '../../src/chains/adapter.ts'
import { fundsNeeded, outflows } from '../../src/chains/outflows.ts'

const ACCOUNT = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const OTHER = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
const eth: Asset = { id: 'eip155:1/slip44:60', decimals: 18, symbol: 'ETH' }
const usdc: Asset = { id: 'eip155:1/erc20:0xA0', address: '0xA0', decimals: 6, symbol: 'USDC' }
const dai: Asset = { id: 'eip155:1/erc20:0xDA', address: '0xDA', decimals: 18, symbol: 'DAI' }

const out = (asset: Asset, raw: bigint): Effect => ({
  kind: 'transfer',
  asset,
  from: ACCOUNT,
  to: OTHER,
  raw,
})
const into = (asset: Asset, raw: bigint): Effect => ({ ...out(asset, raw), from: OTHER, to: ACCOUNT })
const approval = (asset: Asset, raw: bigint): Effect => ({ ...out(asset, raw), kind: 'approval' })
const nothing = { asset: eth, raw: 0n }
const amounts = (found: readonly { asset: Asset; raw: bigint }[]) =>
  found.map(({ asset, raw }) => [asset.symbol, raw])

describe('what leaves', () => {
  it('R5, T17: sums transfers and approvals by asset, and nothing that comes in', () => {
    const effects = [out(usdc, 5n), approval(usdc, 7n), into(usdc, 100n), out(dai, 1n)]
    expect(amounts(outflows(ACCOUNT, nothing, effects))).toEqual([
      ['USDC', 12n],
      ['DAI', 1n],
    ])
  })

  it('R5: is at least what the caller said, when the events of a token say less', () => {
    expect(amounts(outflows(ACCOUNT, { asset: usdc, raw: 9n }, [out(usdc, 5n)]))).toEqual([['USDC', 9n]])
    expect(amounts(outflows(ACCOUNT, { asset: usdc, raw: 9n }, []))).toEqual([['USDC', 9n]])
  })
})

describe('what must be there beforehand', () => {
  it('C6: counts what several transfers take together', () => {
    expect(amounts(fundsNeeded(ACCOUNT, nothing, [out(usdc, 5n), out(usdc, 6n), out(dai, 2n)]))).toEqual([
      ['USDC', 11n],
      ['DAI', 2n],
    ])
  })

  it('C6: is nothing for what came in before it goes out', () => {
    expect(fundsNeeded(ACCOUNT, nothing, [into(dai, 5n), out(dai, 5n)])).toEqual([])
  })

  it('C6: is the deepest point, not the end: what comes back later had to be there', () => {
    const effects = [out(usdc, 10n), into(usdc, 4n), out(usdc, 1n), into(usdc, 10n), out(usdc, 8n)]
    expect(amounts(fundsNeeded(ACCOUNT, nothing, effects))).toEqual([['USDC', 10n]])
  })

  it('C6: counts no approval, and no transfer to oneself', () => {
    const toSelf = { ...out(usdc, 50n), to: ACCOUNT }
    expect(fundsNeeded(ACCOUNT, nothing, [approval(usdc, 2n ** 256n - 1n), toSelf])).toEqual([])
  })
})

describe('T17: outflows of contracts at the account’s command', () => {
  const SAFE = '0x90F79bf6EB2c4f870365E785982E1f101E93b906'
  const gives = (raw: bigint): Effect => ({ ...out(usdc, raw), from: SAFE })

  it('count as the account’s own, and not twice when they pass through', () => {
    expect(amounts(outflows(ACCOUNT, nothing, [gives(5n)], [SAFE]))).toEqual([['USDC', 5n]])
    const through = [{ ...out(usdc, 5n), to: SAFE }, gives(5n)]
    expect(amounts(outflows(ACCOUNT, nothing, through, [SAFE]))).toEqual([['USDC', 5n]])
    expect(amounts(outflows(ACCOUNT, nothing, [...through, gives(2n)], [SAFE]))).toEqual([['USDC', 7n]])
  })

  it('hide nothing of what the account gives: a contract may claim to follow anybody', () => {
    const kept = [{ ...out(usdc, 9n), to: SAFE }, gives(1n)]
    expect(amounts(outflows(ACCOUNT, nothing, kept, [SAFE]))).toEqual([['USDC', 9n]])
  })
})
