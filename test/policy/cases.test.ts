import { expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { runCases } from '../../src/policy/cases.ts'
import { ALICE, MALLORY, ROUTER, rulesOf, USDC } from './rules/support.ts'

const run = (book: ReturnType<typeof rulesOf>, ...cases: readonly object[]) =>
  runCases(JSON.stringify({ version: 1, cases }), book, allChains)
const about = { name: 'case', wallet: 'agent', chain: 'base' }
const pay = (amount: string, to = ALICE) => ({ ...about, pay: { to, asset: 'USDC', amount } })
const swap = (more: object = {}) => ({
  ...about,
  call: { contract: ROUTER, function: 'swap(uint256,address)', arguments: ['5', 'self'], ...more },
})

function problems(given: unknown): readonly string[] {
  try {
    runCases(typeof given === 'string' ? given : JSON.stringify(given), rulesOf(), allChains)
  } catch (error) {
    return (error as { context: { problems: readonly string[] } }).context.problems
  }
  return []
}

it('says of each case what was expected and what was found', () => {
  const book = rulesOf(
    { id: 'daily', cap: { asset: 'USDC', max: '100', per: '24h' } },
    { id: 'large', approval: { asset: 'USDC', above: '50', elicitUpTo: '60' } },
  )
  const before = [{ asset: 'USDC', amount: '50' }]
  expect(
    run(
      book,
      { ...pay('50'), expect: 'allow' },
      { ...pay('60'), expect: 'elicitation' },
      { ...pay('61'), expect: 'approval' },
      { ...pay('51'), before, expect: 'deny', rule: 'daily' },
      { ...pay('51'), before, expect: 'deny', rule: 'large' },
      { ...pay('61'), expect: 'allow' },
    ).map(({ passed, found }) => [passed, found]),
  ).toEqual([
    [true, 'allow'],
    [true, expect.stringMatching(/^elicitation \(large: 60 USDC is above 50/)],
    [true, expect.stringMatching(/^approval \(large: /)],
    [true, expect.stringMatching(/^deny by daily: 51 USDC would leave, with the 50/)],
    [false, expect.stringMatching(/^deny by daily/)],
    [false, expect.stringMatching(/^approval/)],
  ])
})

it('a call has its arguments, what it takes, whom it pays and allows', () => {
  const allowed = {
    contract: ROUTER,
    function: 'swap(uint256,address)',
    arguments: [{ index: 1, self: true }],
  }
  const book = rulesOf(
    { id: 'router', allow: { calls: [allowed] } },
    { id: 'mallory', deny: { recipients: [MALLORY] } },
    { id: 'cap', cap: { asset: 'USDC', max: '5', per: 'transaction' } },
  )
  const verdicts = run(
    book,
    { ...swap(), expect: 'allow' },
    { ...swap({ arguments: ['5', MALLORY] }), expect: 'deny', rule: 'router' },
    { ...swap({ function: 'other()' }), expect: 'deny', rule: 'router' },
    { ...swap({ pays: [MALLORY] }), expect: 'deny', rule: 'mallory' },
    { ...swap({ allows: [MALLORY] }), expect: 'deny', rule: 'mallory' },
    { ...swap({ takes: { asset: 'USDC', amount: '6' } }), expect: 'deny', rule: 'cap' },
  )
  expect(verdicts.map(({ passed }) => passed)).toEqual([true, true, true, true, true, true])
})

it('a payment has its fee, its price of gas, its time, its bridge and its payer', () => {
  const book = rulesOf(
    { id: 'fee', feeCap: { max: '0.01', per: 'transaction' } },
    { id: 'price', maxGasPriceGwei: '2' },
    { id: 'office', hours: { from: '08:00', to: '18:00', zone: 'UTC' } },
    { id: 'bridge', deny: { bridgeRoutes: ['across'] } },
    { id: 'ci', principals: ['ci'], deny: { chains: ['base'] } },
  )
  const at = '2026-01-05T12:00:00Z'
  const verdicts = run(
    book,
    { ...pay('1'), at, expect: 'allow' },
    { ...pay('1'), at, maxFee: '0.02', expect: 'deny', rule: 'fee' },
    { ...pay('1'), at, gasPriceGwei: '2.1', expect: 'deny', rule: 'price' },
    { ...pay('1'), at: '2026-01-05T19:00:00Z', expect: 'deny', rule: 'office' },
    { ...pay('1'), at, bridgeRoute: 'across', expect: 'deny', rule: 'bridge' },
    { ...pay('1'), at, principal: 'ci', expect: 'deny', rule: 'ci' },
  )
  expect(verdicts.map(({ passed, found }) => (passed ? true : found))).toEqual([
    true,
    true,
    true,
    true,
    true,
    true,
  ])
})

it('cases that are none are told as such, all at once', () => {
  expect(problems('{')).toEqual(['the cases are not JSON'])
  expect(problems({ version: 1, cases: [] })).toHaveLength(1)
  const cases = [
    { ...about, chain: 'bsae', expect: 'allow' },
    { ...pay('1.0000001'), expect: 'allow' },
    { ...pay('1'), gasPriceGwei: 'two', expect: 'allow' },
    { ...about, pay: { to: 'bob', asset: 'DOGE', amount: '1' }, expect: 'allow' },
  ]
  expect(problems({ version: 1, cases })).toEqual([
    'rule "case": "bsae" is no chain that Bursar knows',
    'rule "case": must have one of pay and call',
    'rule "case": "1.0000001" is too-many-decimals, with 6 decimals',
    'rule "case": "two" is not-decimal, with 9 decimals',
    expect.stringContaining('"bob" is not a usable address'),
    expect.stringContaining('"DOGE" is neither'),
  ])
})

it('a token that nobody lists has 18 decimals in a case', () => {
  const book = rulesOf({ id: 'token', cap: { asset: ALICE, max: '5', per: 'transaction' } })
  const paid = { ...about, pay: { to: MALLORY, asset: ALICE, amount: '5.000000000000000001' } }
  expect(run(book, { ...paid, expect: 'deny', rule: 'token' })[0]?.passed).toBe(true)
})

it('a payment is no call, also where its recipient may not be called', () => {
  const book = rulesOf({ id: 'never', deny: { calls: [{ contract: ALICE, function: 'ping()' }] } })
  expect(run(book, { ...pay('1'), expect: 'allow' })[0]?.found).toBe('allow')
})

it('what counts before is given, whoever it is of', () => {
  const cap = { asset: 'USDC', max: '5', per: '1h' }
  const book = rulesOf({ id: 'hourly', wallets: ['agent', 'payroll'], cap })
  const before = [{ asset: 'USDC', amount: '5' }]
  expect(run(book, { ...pay('1'), before, expect: 'deny', rule: 'hourly' })[0]?.passed).toBe(true)
})

const PROGRAM = 'TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA'
const TOKEN = String(USDC.address)
const call = (more: object) => ({ ...about, call: { contract: ROUTER, ...more } })
const foundOf = (rule: object, given: object) =>
  run(rulesOf({ id: 'rule', ...rule }), { ...given, expect: 'allow' })[0]?.found.replace(/: .*/s, '')

it.each([
  ['the contract of the token that is paid', { deny: { contracts: [TOKEN] } }, pay('1'), 'deny by rule'],
  ['a contract that is paid a token, and not called', { deny: { contracts: [ALICE] } }, pay('1'), 'allow'],
  [
    'the transfer of the token, by its amount',
    {
      deny: {
        calls: [
          {
            contract: TOKEN,
            function: 'transfer(address,uint256)',
            arguments: [{ index: 1, min: '1000000' }],
          },
        ],
      },
    },
    pay('1'),
    'deny by rule',
  ],
  [
    'whom a call of a token pays by its own words',
    { deny: { recipients: [MALLORY] } },
    call({ contract: TOKEN, function: 'transfer(address,uint256)', arguments: [MALLORY, '1'] }),
    'deny by rule',
  ],
  [
    'native value, that a contract is called with',
    { deny: { contracts: [ALICE] } },
    { ...about, pay: { to: ALICE, asset: 'native', amount: '1' } },
    'deny by rule',
  ],
  [
    'native value, which is no call',
    { deny: { calls: [{ contract: ALICE, function: 'ping()' }] } },
    { ...about, pay: { to: ALICE, asset: 'native', amount: '1' } },
    'allow',
  ],
  [
    'a program of another family of chains',
    { deny: { contracts: [PROGRAM] } },
    { ...call({ contract: PROGRAM, function: 'ping()' }), chain: 'solana' },
    'deny by rule',
  ],
  [
    'what a batch carries',
    { deny: { recipients: [MALLORY] } },
    call({
      contract: '0xcA11bde05977b3631167028862bE2a173976CA11',
      function: 'aggregate3((address,bool,bytes)[])',
      arguments: [
        [
          [
            TOKEN,
            'false',
            `0xa9059cbb${MALLORY.slice(2).toLowerCase().padStart(64, '0')}${'1'.padStart(64, '0')}`,
          ],
        ],
      ],
    }),
    'deny by rule',
  ],
  [
    'the same function, spelt in another way',
    { deny: { calls: [{ contract: ROUTER, function: 'swap(uint,address)' }] } },
    swap(),
    'deny by rule',
  ],
  [
    'a call whose arguments do not fit, by a denial of other arguments',
    {
      deny: {
        calls: [{ contract: ROUTER, function: 'swap(uint256,address)', arguments: [{ index: 0, min: '9' }] }],
      },
    },
    swap({ arguments: ['many', 'self'] }),
    'deny by rule',
  ],
  [
    'a wallet in capitals',
    { wallets: ['Agent'], deny: { chains: ['base'] } },
    { ...pay('1'), wallet: 'AGENT' },
    'deny by rule',
  ],
  [
    'a principal in capitals',
    { principals: ['CI'], deny: { chains: ['base'] } },
    { ...pay('1'), principal: 'ci' },
    'deny by rule',
  ],
])('a case is judged as a server judges it: %s', (_what, rule, given, expected) => {
  expect(foundOf(rule, given)).toBe(expected)
})
