import { expect, it } from 'vitest'
import type { Asset, Effect } from '../../../src/chains/adapter.ts'
import { effectsToKeep } from '../../../src/transactions/judging/keptEffects.ts'

const ME = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8'
const usdc: Asset = { id: 'eip155:1/erc20:0xA0', address: '0xA0', decimals: 6, symbol: 'USDC' }
const move = (from: string, to: string, raw: bigint, asset = usdc): Effect => ({
  kind: 'transfer',
  asset,
  from,
  to,
  raw,
})
const crowd = (count: number, raw: bigint) =>
  Array.from({ length: count }, (_, index) => move(`0x${index}`, `0x${index + 1}`, raw))

it('few effects are kept as they came', () => {
  const effects = [...crowd(19, 1n), move(ME, '0xff', 0n)]
  expect(effectsToKeep(ME, effects)).toEqual({ kept: effects, left: 0 })
})

it('T11: what leaves the account comes first, whatever a crowd of others hides it behind', () => {
  const drain = move(ME, '0xbad', 800_000_000n)
  const { kept, left } = effectsToKeep(ME, [...crowd(30, 1n), drain])
  expect(kept[0]).toEqual(drain)
  expect(kept).toHaveLength(20)
  expect(left).toBe(11)
})

it('T6: moves of nothing hide nothing', () => {
  const fakes = Array.from({ length: 40 }, (_, index) => move(ME, `0x${index}`, 0n))
  const drain = move(ME, '0xbad', 800_000_000n)
  expect(effectsToKeep(ME, [...fakes, drain])).toEqual({ kept: [drain], left: 40 })
})

it('moves of one asset between the same two are one', () => {
  const slices = Array.from({ length: 25 }, () => move(ME, '0xshop', 4n))
  expect(effectsToKeep(ME, slices).kept).toEqual([move(ME, '0xshop', 100n)])
})

it('T34: more changes of the account than can be looked at are refused', () => {
  const own = (count: number) => Array.from({ length: count }, (_, index) => move(ME, `0x${index}`, 1n))
  expect(effectsToKeep(ME, own(50)).kept).toHaveLength(50)
  expect(() => effectsToKeep(ME, own(51))).toThrow(expect.objectContaining({ code: 'effects_too_many' }))
})
