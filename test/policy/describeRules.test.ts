import { expect, it } from 'vitest'
import { describeRules, windowsTold } from '../../src/policy/describeRules.ts'
import type { RuleBook } from '../../src/policy/rules/rules.ts'
import { NO_RULES } from '../../src/policy/rules/rules.ts'
import { Spent } from '../../src/store/spending/spentWindow.ts'
import { ALICE, ETH, NOON, ROUTER, rulesOf, USDC } from './rules/support.ts'

const AUDIENCE = { principal: 'local', now: NOON }
const nobody = () => []

function told(book: RuleBook, left: bigint = 0n): readonly string[] {
  const windows = windowsTold(book, AUDIENCE, nobody)
  const sums = new Map(
    windows.map(({ key, assets }) => [key, new Map(assets.map((id) => [id, id === USDC.id ? left : 0n]))]),
  )
  return describeRules(book, AUDIENCE, nobody, new Spent(sums))
}

it('F3: tells every kind of rule in a line, after the sum of the file', () => {
  const book = rulesOf(
    { id: 'daily', cap: { asset: 'USDC', max: '500', per: '24h' } },
    { id: 'small', wallets: ['agent'], cap: { asset: 'USDC', max: '5', per: 'transaction' } },
    { id: 'each', cap: { asset: 'USDC', max: '7', per: '90m', each: ['recipient'] } },
    { id: 'gas', chains: ['base'], feeCap: { max: '0.01', per: '2h' } },
    { id: 'price', maxGasPriceGwei: '30' },
    { id: 'never', deny: { recipients: [ALICE] } },
    { id: 'routers', allow: { contracts: [ROUTER] } },
    { id: 'calls', allow: { calls: [{ contract: ROUTER }] } },
    { id: 'chains', allow: { chains: ['base'] } },
    { id: 'bridges', allow: { bridgeRoutes: ['across'] } },
    { id: 'large', approval: { asset: 'USDC', above: '100' } },
    { id: 'office', hours: { days: ['mon', 'tue'], from: '08:00', to: '18:00', zone: 'UTC' } },
    { id: 'night', hours: { from: '22:00', to: '06:00', zone: 'UTC' } },
    { id: 'trusted', allowFindings: ['unlimited-approval'] },
    { id: 'not-mine', principals: ['ci'], maxGasPriceGwei: '1' },
  )
  const [head, ...lines] = told(book, 480_000_000n)
  expect(head).toMatch(/^policy file sha256 [0-9a-f]{64}, 15 rules$/)
  expect(lines).toEqual([
    'daily: at most 500 USDC per 1d, 20 left',
    'small: at most 5 USDC per transaction from agent',
    'each: at most 7 USDC per 90m',
    'gas: at most 0.01 native for gas per 2h on eip155:8453',
    'price: at most 30 gwei per gas',
    'never: never 1 recipient(s)',
    'routers: only 1 contract(s)',
    'calls: only 1 call(s)',
    'chains: only chains eip155:8453',
    'bridges: only bridge routes across',
    'large: a person approves what is above 100 USDC',
    'office: only mon, tue 08:00 to 18:00 (UTC)',
    'night: only 22:00 to 06:00 (UTC)',
    'trusted: findings allowed: unlimited-approval',
  ])
})

it('R5: more that left than a cap lets, since it was lowered, leaves nothing', () => {
  const book = rulesOf({ id: 'daily', cap: { asset: 'USDC', max: '5', per: '24h' } })
  expect(told(book, 6_000_000n)[1]).toBe('daily: at most 5 USDC per 1d, 0 left')
})

it('a token that nobody lists counts in base units where its decimals are not known', () => {
  const book = rulesOf({ id: 'token', chains: ['base'], cap: { asset: ALICE, max: '5', per: '24h' } })
  expect(told(book)[1]).toBe(`token: at most 5 ${ALICE} per 1d, 5 left on eip155:8453`)
})

it('one rule on every chain is told once, and of very many the first forty', () => {
  expect(
    told(rulesOf({ id: 'native', cap: { asset: 'native', max: '1', per: 'transaction' } })),
  ).toHaveLength(2)
  const many = Array.from({ length: 45 }, (_, index) => ({
    id: `r${index}`,
    maxGasPriceGwei: `${index + 1}`,
  }))
  const lines = told(rulesOf(...many))
  expect(lines).toHaveLength(42)
  expect(lines.at(-1)).toBe('and 5 more rules')
})

it('without a policy file there is nothing to tell', () => {
  expect(told(NO_RULES)).toEqual([])
  expect(ETH.symbol).toBe('ETH')
})
