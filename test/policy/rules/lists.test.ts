import { describe, expect, it } from 'vitest'
import { arbitrumOne } from '../../../src/chains/data/arbitrumOne.ts'
import type { Matter } from '../../../src/policy/rules/matter.ts'
import {
  ACCOUNT,
  ALICE,
  callOf,
  callsTo,
  deniedBy,
  MALLORY,
  pays,
  ROUTER,
  rulesOf,
  USDC,
  verdict,
} from './support.ts'

const SWAP = 'swap(uint256,address[],address)'

describe('F3: recipients', () => {
  it('are anybody without a list', () => {
    expect(deniedBy(rulesOf(), pays(MALLORY, 5))).toBeUndefined()
  })

  it('are those of a list where there is one, in any capitals', () => {
    const book = rulesOf({ id: 'friends', allow: { recipients: [ALICE.toLowerCase()] } })
    expect(deniedBy(book, pays(ALICE, 5))).toBeUndefined()
    expect(verdict(book, pays(MALLORY, 5)).denied).toEqual({
      rule: 'friends',
      reason: `${MALLORY} is not among the recipients that are allowed`,
    })
  })

  it('are those of all lists that apply, taken together, and of no other', () => {
    const book = rulesOf(
      { id: 'friends', allow: { recipients: [ALICE] } },
      { id: 'payroll', wallets: ['payroll'], allow: { recipients: [MALLORY] } },
    )
    expect(deniedBy(book, pays(MALLORY, 5, { wallet: 'payroll' }))).toBeUndefined()
    expect(deniedBy(book, pays(MALLORY, 5))).toBe('friends')
  })

  it('that are denied are denied, allowed or not, also deep inside of a call', () => {
    const book = rulesOf(
      { id: 'anybody', allow: { recipients: [ALICE, MALLORY, ROUTER] } },
      { id: 'not-her', deny: { recipients: [MALLORY] } },
    )
    expect(deniedBy(book, pays(ALICE, 5))).toBeUndefined()
    expect(deniedBy(book, pays(MALLORY, 5))).toBe('not-her')
    expect(deniedBy(book, callsTo(callOf(ROUTER, SWAP), 5, { reached: [ROUTER, MALLORY] }))).toBe('not-her')
    expect(deniedBy(book, callsTo(callOf(ROUTER, SWAP), 5, { reached: [ROUTER], spenders: [MALLORY] }))).toBe(
      'not-her',
    )
  })

  it('T18: that only a simulation shows have to be on the list, unless contracts are judged by a list of their own', () => {
    const swap = callsTo(callOf(ROUTER, SWAP), 5, { reached: [MALLORY] })
    const friends = { id: 'friends', allow: { recipients: [ALICE, ROUTER] } }
    expect(deniedBy(rulesOf(friends), swap)).toBe('friends')
    expect(deniedBy(rulesOf(friends, { id: 'router', allow: { contracts: [ROUTER] } }), swap)).toBeUndefined()
  })

  it('T18: that the bytes name beside an allowed call have to be on the list, and so has who may take', () => {
    const book = rulesOf(
      { id: 'friends', allow: { recipients: [ALICE] } },
      { id: 'router', allow: { contracts: [ROUTER] } },
    )
    const calls = [callOf(ROUTER, SWAP)]
    expect(deniedBy(book, pays(ALICE, 5, { calls, recipients: [ROUTER, ALICE] }))).toBeUndefined()
    expect(deniedBy(book, pays(ALICE, 5, { calls, recipients: [ROUTER, MALLORY] }))).toBe('friends')
    expect(deniedBy(book, pays(ALICE, 5, { calls, recipients: [ROUTER], spenders: [MALLORY] }))).toBe(
      'friends',
    )
    expect(
      deniedBy(book, pays(ALICE, 5, { calls, recipients: [ROUTER], spenders: [ROUTER] })),
    ).toBeUndefined()
  })
})

describe('F3: calls', () => {
  const only = (more: object) =>
    rulesOf({ id: 'router', allow: { calls: [{ contract: ROUTER, function: SWAP, ...more }] } })
  const swap = (...args: Parameters<typeof callOf>[2] extends infer A ? [A] : never) =>
    callsTo(callOf(ROUTER, SWAP, args[0]), 5)

  it('are those of a list where there is one, and payments are none', () => {
    const book = only({})
    expect(deniedBy(book, swap(['1', ['0x1'], ACCOUNT]))).toBeUndefined()
    expect(deniedBy(book, callsTo(callOf(ROUTER, 'drain()'), 5))).toBe('router')
    expect(deniedBy(book, callsTo(callOf(MALLORY, SWAP), 5))).toBe('router')
    expect(deniedBy(book, pays(MALLORY, 5))).toBeUndefined()
  })

  it('T18: of a token that a list names are those of the list as well, though they pay', () => {
    const token = String(USDC.address)
    const transfer = 'transfer(address,uint256)'
    const own = (to: string): Matter => {
      const call = { ...callOf(token, transfer, [to, '5']), kind: 'payment' as const, to: [to] }
      return pays(to, 5, { calls: [call] })
    }
    const toAlice = { contract: token, function: transfer, arguments: [{ index: 0, oneOf: [ALICE] }] }
    const book = rulesOf({ id: 'usdc', allow: { calls: [toAlice] } })
    expect(deniedBy(book, own(ALICE))).toBeUndefined()
    expect(deniedBy(book, own(MALLORY))).toBe('usdc')
    const whole = rulesOf(
      { id: 'usdc', allow: { calls: [toAlice] } },
      { id: 'any', allow: { contracts: [token] } },
    )
    expect(deniedBy(whole, own(MALLORY))).toBeUndefined()
    const friends = rulesOf(
      { id: 'usdc', allow: { calls: [toAlice] } },
      { id: 'friends', allow: { recipients: [MALLORY] } },
    )
    expect(deniedBy(friends, own(MALLORY))).toBeUndefined()
    expect(deniedBy(friends, own(ROUTER))).toBe('usdc')
    expect(deniedBy(only({}), own(MALLORY))).toBeUndefined()
    const value = { contract: ROUTER, kind: 'payment' as const, to: [ROUTER], arguments: () => undefined }
    expect(deniedBy(only({}), pays(ROUTER, 5, { calls: [value] }))).toBeUndefined()
  })

  it('T18: with another call beside them are not allowed by the one', () => {
    const calls = [callOf(ROUTER, SWAP), callOf(MALLORY, 'drain()')]
    expect(deniedBy(only({}), pays(ROUTER, 5, { calls }))).toBe('router')
  })

  it('T18: whose inside cannot be read are not allowed, whatever the contract', () => {
    const unread = { ...callOf(ROUTER, SWAP), problem: 'bytes that are no arguments of multicall' }
    const book = rulesOf({ id: 'router', allow: { contracts: [ROUTER] } })
    expect(verdict(book, callsTo(unread, 5)).denied?.reason).toBe(
      `the call of 0x12345678 at ${ROUTER} carries bytes that are no arguments of multicall`,
    )
  })

  it('have the arguments that a rule wants: one of some, the account itself, a range, each of a list', () => {
    const toSelf = only({ arguments: [{ index: 2, self: true }] })
    expect(deniedBy(toSelf, swap(['1', ['0x1'], ACCOUNT]))).toBeUndefined()
    expect(deniedBy(toSelf, swap(['1', ['0x1'], MALLORY]))).toBe('router')
    const bounded = only({ arguments: [{ index: 0, min: '5', max: '10' }] })
    const amounts = ['4', '5', '10', '11', '0x7'].map((amount) =>
      deniedBy(bounded, swap([amount, [], ACCOUNT])),
    )
    expect(amounts).toEqual(['router', undefined, undefined, 'router', 'router'])
    const path = only({ arguments: [{ index: 1, oneOf: [ALICE] }] })
    expect(deniedBy(path, swap(['1', [ALICE, ALICE.toLowerCase()], ACCOUNT]))).toBeUndefined()
    expect(deniedBy(path, swap(['1', [ALICE, MALLORY], ACCOUNT]))).toBe('router')
    expect(deniedBy(path, swap(['1', [], ACCOUNT]))).toBe('router')
    expect(deniedBy(path, swap(['1']))).toBe('router')
    expect(deniedBy(path, swap('unreadable'))).toBe('router')
  })

  it('that are denied are denied by one member of a list, and when they cannot be read', () => {
    const call = { contract: ROUTER, function: SWAP, arguments: [{ index: 1, oneOf: [MALLORY] }] }
    const book = rulesOf({ id: 'not-her', deny: { calls: [call] } })
    expect(deniedBy(book, swap(['1', [ALICE], ACCOUNT]))).toBeUndefined()
    expect(deniedBy(book, swap(['1', [ALICE, MALLORY], ACCOUNT]))).toBe('not-her')
    expect(deniedBy(book, swap('unreadable'))).toBe('not-her')
    expect(deniedBy(rulesOf({ id: 'never', deny: { contracts: [ROUTER] } }), swap(['1', [], ACCOUNT]))).toBe(
      'never',
    )
    expect(
      deniedBy(
        rulesOf({ id: 'never', deny: { calls: [{ contract: ROUTER }] } }),
        callsTo(callOf(ROUTER, 'x()'), 5),
      ),
    ).toBe('never')
  })
})

describe('F3: chains and bridges', () => {
  it('are those of a list where there is one; a denied one is denied', () => {
    const only = rulesOf({ id: 'base-only', allow: { chains: ['base'] } })
    expect(deniedBy(only, pays(ALICE, 5))).toBeUndefined()
    expect(deniedBy(only, pays(ALICE, 5, { chain: arbitrumOne }))).toBe('base-only')
    expect(deniedBy(rulesOf({ id: 'no-base', deny: { chains: ['eip155:8453'] } }), pays(ALICE, 5))).toBe(
      'no-base',
    )
  })

  it('a bridge route is judged where there is one', () => {
    const book = rulesOf({ id: 'bridges', allow: { bridgeRoutes: ['across'] } })
    expect(deniedBy(book, pays(ALICE, 5))).toBeUndefined()
    expect(deniedBy(book, pays(ALICE, 5, { bridgeRoute: 'Across' }))).toBeUndefined()
    expect(deniedBy(book, pays(ALICE, 5, { bridgeRoute: 'wormhole' }))).toBe('bridges')
    const denied = rulesOf({ id: 'no-across', deny: { bridgeRoutes: ['across'] } })
    expect(deniedBy(denied, pays(ALICE, 5, { bridgeRoute: 'across' }))).toBe('no-across')
  })
})

it('F3: what takes a permission or a nonce back passes every list; caps on fees it does not', () => {
  const book = rulesOf(
    { id: 'nobody', deny: { recipients: [MALLORY] } },
    { id: 'gas', feeCap: { max: '0.0001', per: 'transaction' } },
  )
  const undo = pays(MALLORY, 0, { isProtective: true, outflows: [], paidOut: [], maxFee: 10n ** 14n })
  expect(deniedBy(book, undo)).toBeUndefined()
  expect(deniedBy(book, { ...undo, maxFee: 10n ** 14n + 1n })).toBe('gas')
})
