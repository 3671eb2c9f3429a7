import { describe, expect, it } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import { base } from '../../../src/chains/data/base.ts'
import { bnb } from '../../../src/chains/data/bnb.ts'
import { spendsOf } from '../../../src/policy/rules/caps.ts'
import { judgeRules, questions } from '../../../src/policy/rules/judgeRules.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import { Spent } from '../../../src/store/spending/spentWindow.ts'
import {
  ACCOUNT,
  ALICE,
  deniedBy,
  ETH,
  MALLORY,
  NOON,
  pays,
  ROUTER,
  rulesOf,
  USDC,
  verdict,
} from './support.ts'

const usdc = (max: string, per: string, more: object = {}) => ({ cap: { asset: 'USDC', max, per, ...more } })
const left = (units: number) => ({ [USDC.id]: BigInt(units * 1e6) })
const NAMED = (names: ReadonlySet<string>) => [...names].map((name) => `account of ${name}`)

describe('R5: caps per transaction', () => {
  const book = rulesOf({ id: 'small', ...usdc('100', 'transaction') })

  it('R5: hold to the unit, and name themselves', () => {
    expect(verdict(book, pays(ALICE, 100)).rules).toEqual(['small: 100 of 100 USDC per transaction'])
    expect(verdict(book, pays(ALICE, 100.000001)).denied).toEqual({
      rule: 'small',
      reason: '100.000001 USDC would leave: above the cap of 100 USDC per transaction',
    })
  })

  it('are about their own asset, wallet, principal and chain', () => {
    const other = { asset: ETH, raw: 10n ** 30n }
    expect(deniedBy(book, pays(ALICE, 1, { outflows: [other] }))).toBeUndefined()
    for (const scope of [{ wallets: ['payroll'] }, { principals: ['ci'] }, { chains: ['arbitrum'] }])
      expect(
        deniedBy(rulesOf({ id: 'small', ...scope, ...usdc('1', 'transaction') }), pays(ALICE, 5)),
      ).toBeUndefined()
    for (const scope of [{ wallets: ['Agent'] }, { principals: ['local'] }, { chains: ['base'] }])
      expect(deniedBy(rulesOf({ id: 'small', ...scope, ...usdc('1', 'transaction') }), pays(ALICE, 5))).toBe(
        'small',
      )
  })

  it('all of them hold: the smallest decides', () => {
    const two = rulesOf(
      { id: 'wide', ...usdc('100', 'transaction') },
      { id: 'narrow', ...usdc('10', 'transaction') },
    )
    expect(deniedBy(two, pays(ALICE, 11))).toBe('narrow')
  })

  it('by recipient look at each by itself', () => {
    const each = rulesOf({ id: 'each', ...usdc('10', 'transaction', { each: ['recipient'] }) })
    const batch = pays(ALICE, 20, {
      paidOut: [ALICE, MALLORY].map((recipient) => ({ asset: USDC, recipient, raw: 10_000_000n })),
    })
    expect(deniedBy(each, batch)).toBeUndefined()
    expect(verdict(each, pays(MALLORY, 11)).denied?.reason).toContain(`per transaction to ${MALLORY}`)
  })
})

describe('R5: caps over time', () => {
  const book = rulesOf({ id: 'daily', ...usdc('500', '24h') })

  it('R5: count what left before, to the unit', () => {
    expect(verdict(book, pays(ALICE, 100), left(400)).rules).toEqual(['daily: 500 of 500 USDC per 1d'])
    expect(verdict(book, pays(ALICE, 100.000001), left(400)).denied).toEqual({
      rule: 'daily',
      reason:
        '100.000001 USDC would leave, with the 400 that count already: above the cap of 500 USDC per 1d',
      later: true,
    })
  })

  it('a symbol of the registry is one asset on all chains, whatever its decimals there', () => {
    const [window] = questions(book, pays(ALICE, 1), NAMED)
    expect(window?.assets).toContain(USDC.id)
    expect(window?.assets).toContain('eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48')
    const id = 'eip155:56/erc20:0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d'
    const token = { symbol: 'USDC', address: '0x8AC76a51cc950d9822D68b83fE1Ad97B32Cd580d', decimals: 18 }
    const text = JSON.stringify({ version: 1, rules: [{ id: 'daily', ...usdc('500', '24h') }] })
    const both = readRules(text, [base, { ...bnb, tokens: [token] }])
    expect(deniedBy(both, pays(ALICE, 100), { [id]: 400n * 10n ** 18n })).toBeUndefined()
    expect(deniedBy(both, pays(ALICE, 100), { [id]: 400n * 10n ** 18n + 1n })).toBe('daily')
  })

  it('native and addresses are another asset on each chain', () => {
    const native = rulesOf({ id: 'native', cap: { asset: 'native', max: '1', per: '1h' } })
    const windows = questions(native, pays(ALICE, 1, { outflows: [{ asset: ETH, raw: 1n }] }), NAMED)
    expect(windows.map(({ assets }) => assets)).toEqual([[ETH.id]])
    const token = rulesOf({ id: 'token', cap: { asset: ALICE, max: '5', per: '1h' } })
    const id = `eip155:8453/erc20:${ALICE}`
    const asset = { id, address: ALICE, decimals: 3 }
    const paid = pays(MALLORY, 1, { outflows: [{ asset, raw: 1_000n }] })
    expect(deniedBy(token, paid, { [id]: 4_000n })).toBeUndefined()
    expect(deniedBy(token, paid, { [id]: 4_001n })).toBe('token')
  })

  it('one pot for all that they are about, or one for each wallet, principal or recipient', () => {
    const ask = (more: object, each?: readonly string[]) => {
      const cap = usdc('1', '1h', each && { each })
      const [window] = questions(rulesOf({ id: 'cap', ...more, ...cap }), pays(ALICE, 1), NAMED)
      const { accounts, principals, recipient } = window ?? {}
      return { accounts, principals, recipient }
    }
    expect(ask({})).toEqual({ recipient: '' })
    expect(ask({ wallets: ['agent', 'payroll'] })).toEqual({
      accounts: ['account of agent', 'account of payroll'],
      recipient: '',
    })
    expect(ask({ principals: ['local', 'ci'] })).toEqual({ principals: ['local', 'ci'], recipient: '' })
    expect(
      ask({ wallets: ['agent', 'payroll'], principals: ['local'] }, ['wallet', 'principal', 'recipient']),
    ).toEqual({
      accounts: [ACCOUNT],
      principals: ['local'],
      recipient: ALICE,
    })
  })

  it('T21: look back from the earlier of the clock and the chain', () => {
    const since = (moments: readonly number[]) =>
      questions(book, pays(ALICE, 1, { moments }), NAMED)[0]?.since
    const DAY = 86_400_000
    expect(since([NOON, NOON])).toBe(NOON - DAY)
    expect(since([NOON + 7_200_000, NOON])).toBe(NOON - DAY)
    expect(since([NOON - 2 * DAY, NOON])).toBe(NOON - 3 * DAY)
  })

  it('what an approval counts for already is not counted again by what it lets take', () => {
    const countedBefore = [{ asset: USDC, recipient: ROUTER, raw: 60_000_000n }]
    const swap = pays(ALICE, 100, { countedBefore })
    expect(deniedBy(book, swap, left(460))).toBeUndefined()
    expect(deniedBy(book, swap, left(461))).toBe('daily')
    expect(spendsOf(swap)[0]).toEqual({ asset: USDC.id, recipient: '', raw: '40000000' })
    // One transaction is as large as it is.
    expect(deniedBy(rulesOf({ id: 'small', ...usdc('99', 'transaction') }), swap)).toBe('small')
  })

  it('R5: whoever takes what it was allowed gets it once; whoever gets it from there gets it as well', () => {
    const each = rulesOf({ id: 'each', ...usdc('100', '24h', { each: ['recipient'] }) })
    const countedBefore = [
      { asset: USDC, recipient: ROUTER, raw: 60_000_000n },
      { asset: ETH, recipient: ROUTER, raw: 999n },
    ]
    const takes = (to: string) => pays(to, 100, { countedBefore })
    const counted = (to: string) => spendsOf(takes(to)).find(({ recipient }) => recipient === to)?.raw
    expect([counted(ROUTER), counted(ALICE)]).toEqual(['40000000', '100000000'])
    expect(deniedBy(each, takes(ROUTER), left(60))).toBeUndefined()
    expect(deniedBy(each, takes(ROUTER), left(60.000001))).toBe('each')
    expect(deniedBy(each, takes(ALICE), left(0.000001))).toBe('each')
    // Less than it was allowed is nothing more.
    expect(spendsOf(pays(ROUTER, 59, { countedBefore }))[1]).toMatchObject({ recipient: ROUTER, raw: '0' })
    const small = rulesOf({ id: 'small', ...usdc('99', 'transaction', { each: ['recipient'] }) })
    expect(deniedBy(small, takes(ROUTER))).toBe('small')
  })

  it('R5: several assets that one cap is about count together', () => {
    const bridged = { symbol: 'USDC', address: ROUTER, decimals: 6 }
    const text = JSON.stringify({ version: 1, rules: [{ id: 'small', ...usdc('10', 'transaction') }] })
    const two = readRules(text, [{ ...base, tokens: [...base.tokens, bridged] }])
    const other = { id: `eip155:8453/erc20:${ROUTER}`, address: ROUTER, decimals: 6 }
    const both = (raw: bigint) => pays(ALICE, 1, { outflows: [USDC, other].map((asset) => ({ asset, raw })) })
    expect(deniedBy(two, both(5_000_000n))).toBeUndefined()
    expect(deniedBy(two, both(5_000_001n))).toBe('small')
  })

  it('a window that nobody asked about is no window without payments', () => {
    expect(() => judgeRules(book, pays(ALICE, 1), NAMED, new Spent(new Map()))).toThrow('nobody asked')
  })

  it('R5: what is about to be recorded counts as well', () => {
    const matter = pays(ALICE, 100)
    const windows = questions(book, matter, NAMED)
    const spent = new Spent(new Map(windows.map(({ key }) => [key, new Map([[USDC.id, 300_000_000n]])])))
    expect(judgeRules(book, matter, NAMED, spent.with(spendsOf(matter))).denied).toBeUndefined()
    const twice = spent.with(spendsOf(matter)).with(spendsOf(matter))
    expect(judgeRules(book, matter, NAMED, twice).denied?.rule).toBe('daily')
  })
})

describe('D4: fees', () => {
  it('are capped per transaction and over time, apart from what is paid', () => {
    const book = rulesOf(
      { id: 'fee', feeCap: { max: '0.001', per: 'transaction' } },
      { id: 'fees', feeCap: { max: '0.01', per: '7d' } },
    )
    expect(deniedBy(book, pays(ALICE, 1, { maxFee: 10n ** 15n + 1n }))).toBe('fee')
    expect(deniedBy(book, pays(ALICE, 1), { [`fee/${ETH.id}`]: 9n * 10n ** 15n })).toBeUndefined()
    expect(deniedBy(book, pays(ALICE, 1), { [`fee/${ETH.id}`]: 9n * 10n ** 15n + 1n })).toBe('fees')
    expect(spendsOf(pays(ALICE, 1)).at(-1)).toEqual({
      asset: `fee/${ETH.id}`,
      recipient: '',
      raw: '1000000000000000',
    })
  })

  it('the price of gas has a cap of its own', () => {
    const book = rulesOf({ id: 'price', maxGasPriceGwei: '1.5' })
    expect(deniedBy(book, pays(ALICE, 1, { gasPrice: 1_500_000_000n }))).toBeUndefined()
    expect(verdict(book, pays(ALICE, 1, { gasPrice: 1_500_000_001n })).denied).toEqual({
      rule: 'price',
      reason: '1.500000001 gwei per gas are above the cap of 1.5',
    })
  })
})

describe('F4: approval by a person', () => {
  const book = rulesOf({ id: 'large', approval: { asset: 'USDC', above: '1000', elicitUpTo: '2000' } })

  it('is needed above a threshold, and a host’s own question is enough up to another one', () => {
    expect(verdict(book, pays(ALICE, 1000)).approval).toBeUndefined()
    expect(verdict(book, pays(ALICE, 1000.000001)).approval).toEqual({
      rules: ['large: 1000.000001 USDC is above 1000, from which on a person must approve'],
      mayElicit: true,
    })
    expect(verdict(book, pays(ALICE, 2000)).approval?.mayElicit).toBe(true)
    expect(verdict(book, pays(ALICE, 2000.000001)).approval?.mayElicit).toBe(false)
  })

  it('other assets do not count towards a threshold', () => {
    const other = { asset: ETH, raw: 10n ** 30n }
    expect(verdict(book, pays(ALICE, 1, { intentOutflows: [other] })).approval).toBeUndefined()
  })

  it('of two rules the stricter one decides', () => {
    const both = rulesOf(
      { id: 'large', approval: { asset: 'USDC', above: '1000', elicitUpTo: '2000' } },
      { id: 'agent', wallets: ['agent'], approval: { asset: 'USDC', above: '10' } },
    )
    expect(verdict(both, pays(ALICE, 1500)).approval).toMatchObject({ mayElicit: false })
    expect(verdict(both, pays(ALICE, 50, { wallet: 'payroll' })).approval).toBeUndefined()
  })
})

it('every chain of the registry has its native asset under a cap on native', () => {
  const book = rulesOf({ id: 'native', cap: { asset: 'native', max: '1', per: '1h' } })
  expect(book.caps.map(({ assets }) => [...assets.values()][0]?.chain.id).sort()).toEqual(
    allChains.map(({ id }) => id).sort(),
  )
})
