import { expect, it } from 'vitest'
import { allChains } from '../../../src/chains/allChains.ts'
import { readRules } from '../../../src/policy/rules/readRules.ts'
import { ALICE, ROUTER } from './support.ts'

function problems(document: unknown): readonly string[] {
  try {
    readRules(typeof document === 'string' ? document : JSON.stringify(document), allChains)
  } catch (error) {
    expect(error).toMatchObject({ code: 'policy_invalid', kind: 'config', sideEffect: 'none' })
    return (error as { context: { problems: readonly string[] } }).context.problems
  }
  return []
}

const rule = (...rules: readonly object[]) => ({ version: 1, rules })

it('what is no policy is told as such', () => {
  expect(problems('{')).toEqual(['it is not JSON'])
  expect(problems({ rules: [] })).toEqual([expect.stringContaining('version: ')])
  expect(problems([])).toHaveLength(1)
})

it('every problem is told at once, by the name of its rule', () => {
  const cap = { asset: 'USDC', max: '1', per: '24h' }
  expect(
    problems(
      rule(
        { id: 'one', cap: { ...cap, max: '1e3' } },
        { id: 'two', cap: { ...cap, per: '1y' }, extra: true },
        { cap },
      ),
    ),
  ).toEqual([
    'rule "one", cap.max: must be a decimal amount in whole units, such as "12.5"',
    'rule "two", cap.per: must be "transaction", or a time such as "30m", "24h" or "7d"',
    'rule "two": Unrecognized key: "extra"',
    expect.stringContaining('rule number 3, id: '),
  ])
  expect(
    problems(
      rule(
        { id: 'one', cap: { ...cap, asset: 'DOGE' }, chains: ['base', 'bsae'] },
        { id: 'one', allow: { recipients: [`${ALICE.slice(0, -2)}bc`] } },
        { id: 'none' },
        { id: 'both', cap, deny: { chains: ['base'] } },
        { id: 'lists', deny: { chains: ['base'], contracts: [ROUTER] } },
        { id: 'zone', hours: { from: '09:00', to: '09:00', zone: 'Mars/Olympus' } },
      ),
    ),
  ).toEqual([
    'rule "one": "bsae" is no chain that Bursar knows',
    'rule "one": "DOGE" is neither "native", nor an address, nor an asset that the registry lists there',
    'rule "one": another rule has the same id',
    expect.stringContaining('its capital letters do not match its EIP-55 checksum'),
    expect.stringContaining('rule "none": must have exactly one of cap, feeCap'),
    expect.stringContaining('and has cap and deny'),
    expect.stringContaining('rule "lists": allow and deny name exactly one of'),
    'rule "zone": "Mars/Olympus" is no time zone; use a name such as "Europe/Berlin"',
    'rule "zone": from and to are the same time',
  ])
})

it('arguments are of a function that is named, by places that it has, and say something', () => {
  const call = (more: object) => rule({ id: 'call', allow: { calls: [{ contract: ROUTER, ...more }] } })
  const f = 'swap(uint256,(address,bytes)[],address)'
  expect(problems(call({ function: f, arguments: [{ index: 2, self: true }] }))).toEqual([])
  expect(problems(call({ arguments: [{ index: 0, self: true }] }))).toEqual([
    'rule "call": arguments are of a function, and none is named',
  ])
  expect(problems(call({ function: f, arguments: [{ index: 3, self: true }, { index: 0 }] }))).toEqual([
    `rule "call": argument 3 is counted from 0, and ${f} has 3`,
    'rule "call": argument 0 must have one of oneOf, self, min, max',
  ])
  expect(problems(call({ function: 'ping()', arguments: [{ index: 0, self: true }] }))).toHaveLength(1)
  expect(problems(call({ function: 'not a function' }))).toHaveLength(1)
  expect(problems(call({ function: 'f(foo)' }))).toEqual([
    'rule "call": "f(foo)" has a type that there is not',
  ])
})

it('F3, R13: arguments are of the type that the function has there, or a rule would deny and allow nobody', () => {
  const signature = 'f(address[],uint8,bool,bytes4,bytes,string,(uint256,bool),int8)'
  const problemsWith = (...given: readonly object[]) => {
    const call = { contract: ROUTER, function: signature, arguments: given }
    return problems(rule({ id: 'r', deny: { calls: [call] } }))
  }
  const one = (index: number, ...oneOf: readonly string[]) => ({ index, oneOf })
  expect(
    problemsWith(
      one(0, ALICE, ALICE.toLowerCase()),
      one(1, '0', '7'),
      one(2, 'true', 'False'),
      one(3, '0x12345678', '0xABCDEF01'),
      one(4, '0x', '0x12'),
      one(5, 'anything'),
      { index: 6, min: '9', max: '8', self: true },
      one(7, '-1', '0', '5'),
      { index: 1, min: '5', max: '5' },
      { index: 0, self: true },
    ),
  ).toEqual([])
  expect(problemsWith(one(0, '0x3c44CdDdB6a900fa2b585dd299e03d12FA4293BC'))).toEqual([
    expect.stringContaining('rule "r": '),
  ])
  const refused = (what: string) => [`rule "r": argument ${what}`]
  expect(problemsWith(one(7, '-0'))).toEqual(refused('7 is a int8, and never "-0"'))
  expect(problemsWith(one(1, '-1'))).toEqual(refused('1 is a uint8, and never "-1"'))
  expect(problemsWith(one(1, '07'))).toEqual(refused('1 is a uint8, and never "07"'))
  expect(problemsWith(one(1, '0x7'))).toEqual(refused('1 is a uint8, and never "0x7"'))
  expect(problemsWith(one(2, 'yes'))).toEqual(refused('2 is a bool, and never "yes"'))
  expect(problemsWith(one(3, '0x123456'))).toEqual(refused('3 is a bytes4, and never "0x123456"'))
  expect(problemsWith(one(4, '0x1'))).toEqual(refused('4 is a bytes, and never "0x1"'))
  expect(problemsWith({ index: 1, min: '6', max: '5' })).toEqual(refused('1 has a min above its max'))
  expect(problemsWith({ index: 2, min: '1' })).toEqual(refused('2 is a bool, which has no min and no max'))
  expect(problemsWith({ index: 5, max: '1' })).toEqual(refused('5 is a string, which has no min and no max'))
  expect(problemsWith({ index: 1, self: true })).toEqual(
    refused('1 is a uint8, and never the account itself'),
  )
})

it('the digest is of the bytes of the file', () => {
  const text = '{"version":1,"rules":[]}'
  expect(readRules(text, allChains).digest).toBe(
    '0x6be6bac38f2d35217ca3cd98e36322f9e8fb6638564f5a87ff660589f6302103',
  )
  expect(readRules(`${text}\n`, allChains).digest).not.toBe(readRules(text, allChains).digest)
})

it('an address of another family is taken as it is', () => {
  const base58 = '7EcDhSYGxXyscszYEp35KHN8vvw3svAuLKTzXwCFLtV'
  expect(problems(rule({ id: 'sol', allow: { recipients: [base58] } }))).toEqual([])
})
