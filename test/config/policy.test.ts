import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

const load = (env: Record<string, string | undefined>) => loadConfig(env, allChains)

describe('MAX_PER_TRANSACTION', () => {
  it('reads chains by alias, id or *, and assets as native, symbol or address', () => {
    const value =
      '*/NATIVE=0.5, base/USDC=500,eip155:10/0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85=0,solana/native=3.25'
    expect(load({ MAX_PER_TRANSACTION: value }).policy.perTransaction).toEqual([
      { chain: '*', asset: 'native', max: '0.5' },
      { chain: 'eip155:8453', asset: 'USDC', max: '500' },
      { chain: 'eip155:10', asset: '0x0b2C639c533813f4Aa9D7837CAf62653d097Ff85', max: '0' },
      { chain: 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp', asset: 'native', max: '3.25' },
    ])
  })

  it.each([
    'base/USDC=-1',
    'base/USDC=1e3',
    'base/USDC=',
    'USDC=5',
    'base/USDC=1,',
    'base/US DC=1',
    'base/USDC=1.',
  ])('refuses "%s"', (value) => {
    expect(problemsOf(() => load({ MAX_PER_TRANSACTION: value })).join()).toMatch(
      /^MAX_PER_TRANSACTION, entry [12], must look like base\/USDC=500 or \*\/native=10$/,
    )
  })

  it('refuses an unknown chain and a second cap for the same asset', () => {
    const env = { MAX_PER_TRANSACTION: 'bse/USDC=1,base/USDC=1,eip155:8453/usdc=100000' }
    expect(problemsOf(() => load(env))).toEqual([
      'MAX_PER_TRANSACTION, entry 1, names what is not a chain that Bursar knows; did you mean base?',
      'MAX_PER_TRANSACTION, entry 3, caps the same asset of the same chain a second time',
    ])
  })
})

describe('MAX_FEE_PER_TRANSACTION (T35)', () => {
  it('reads chains by alias, id or *, and keeps the default for chains that it does not name', () => {
    expect(load({ MAX_FEE_PER_TRANSACTION: 'base=0.002, eip155:137=5' }).policy.feePerTransaction).toEqual([
      { chain: 'eip155:8453', max: '0.002' },
      { chain: 'eip155:137', max: '5' },
      { chain: '*', max: '0.1' },
    ])
    expect(load({ MAX_FEE_PER_TRANSACTION: '*=1' }).policy.feePerTransaction).toEqual([
      { chain: '*', max: '1' },
    ])
  })

  it.each(['base', 'base=', 'base=-1', 'base/native=1', '*=1e3', '0.1'])('refuses "%s"', (value) => {
    expect(problemsOf(() => load({ MAX_FEE_PER_TRANSACTION: value }))).toEqual([
      'MAX_FEE_PER_TRANSACTION, entry 1, must look like base=0.01 or *=0.1',
    ])
  })

  it('refuses an unknown chain and a second cap for the same chain', () => {
    expect(problemsOf(() => load({ MAX_FEE_PER_TRANSACTION: 'bse=1,base=1,eip155:8453=2' }))).toEqual([
      'MAX_FEE_PER_TRANSACTION, entry 1, names what is not a chain that Bursar knows; did you mean base?',
      'MAX_FEE_PER_TRANSACTION, entry 3, names the same chain a second time',
    ])
  })
})

describe('MAX_SLIPPAGE_PERCENT', () => {
  it.each(['0', '2.0', '0.05', '50'])('keeps %s', (value) => {
    expect(load({ MAX_SLIPPAGE_PERCENT: value }).policy.maxSlippagePercent).toBe(value)
  })

  it.each(['50.01', '-1', '0.001', '2%', '1e1'])('refuses %s', (value) => {
    expect(problemsOf(() => load({ MAX_SLIPPAGE_PERCENT: value }))).toEqual([
      'MAX_SLIPPAGE_PERCENT must be a decimal number from 0 to 50 with at most 2 decimals',
    ])
  })
})

describe('MAX_GAS_PRICE_GWEI (D4)', () => {
  it('keeps the decimal text exactly', () => {
    expect(load({ MAX_GAS_PRICE_GWEI: '0.000000001' }).policy.maxGasPriceGwei).toBe('0.000000001')
  })

  it.each(['0', '0.000', '-5', '0.0000000001', '5e2', 'Infinity', '0x10', '1,5'])('refuses %s', (value) => {
    expect(problemsOf(() => load({ MAX_GAS_PRICE_GWEI: value }))).toEqual([
      'MAX_GAS_PRICE_GWEI must be a decimal number above 0 with at most 9 decimals, such as 500',
    ])
  })
})
