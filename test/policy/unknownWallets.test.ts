import { expect, it } from 'vitest'
import { NO_RULES } from '../../src/policy/rules/rules.ts'
import { unknownWallets } from '../../src/policy/unknownWallets.ts'
import { rulesOf } from './rules/support.ts'

const FRIEND = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
const hours = { from: '08:00', to: '18:00', zone: 'Europe/Berlin' }

it('F3: a rule of any kind that is about a wallet which nobody has is told, once for each name', () => {
  const wallets = ['agent', 'agnet']
  const book = rulesOf(
    { id: 'cap', wallets, cap: { asset: 'USDC', max: '5', per: '24h' } },
    { id: 'fee', wallets, feeCap: { max: '1', per: '1h' } },
    { id: 'gas', wallets, maxGasPriceGwei: '5' },
    { id: 'allow', wallets, allow: { recipients: [FRIEND] } },
    { id: 'deny', wallets, deny: { recipients: [FRIEND] } },
    { id: 'ask', wallets, approval: { asset: 'USDC', above: '1' } },
    { id: 'hours', wallets, hours },
    { id: 'find', wallets, allowFindings: ['delegation'] },
    { id: 'all', feeCap: { max: '2', per: '1h' } },
  )
  expect(unknownWallets(book, ['agent', 'payroll'])).toEqual(
    ['cap', 'fee', 'gas', 'allow', 'deny', 'ask', 'hours', 'find'].map(
      (id) => `policy rule "${id}" is about wallet "agnet", which is not known here`,
    ),
  )
  expect(unknownWallets(book, ['agent', 'agnet-until-20260131'])).toEqual([])
  expect(unknownWallets(NO_RULES, [])).toEqual([])
})
