import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { base } from '../../src/chains/data/base.ts'
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
import { solana } from '../../src/chains/data/solana.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { WalletBook } from '../../src/wallets/walletBook.ts'
import { AGENT, AGENT_KEY, MERCHANT } from '../support/engine.ts'
import { testClock } from '../support/testClock.ts'

// The key of the example in EIP-155.
const KEY = '0x4646464646464646464646464646464646464646464646464646464646464646'
const ADDRESS = '0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F'
const book = new WalletBook([{ name: 'ops', privateKey: new Secret(KEY) }], testClock())
const names = (chain: typeof base) => book.on(chain).map(({ name }) => name)

describe('which wallet acts where', () => {
  it('R6: sandbox keys, which everybody knows, never leave the sandbox, and the operator’s never enter it', () => {
    expect(names(sandboxA)).toEqual(['treasury', 'agent', 'merchant', 'payroll', 'vault'])
    expect(names(base)).toEqual(['ops'])
    expect(names(solana)).toEqual([])
    expect(() => book.find('agent', base)).toThrow(
      expect.objectContaining({ code: 'wallet_unknown', context: { given: 'agent', known: ['ops'] } }),
    )
    expect(() => book.find(AGENT, base)).toThrow(expect.objectContaining({ code: 'wallet_unknown' }))
    expect(() => book.find('ops', sandboxA)).toThrow(expect.objectContaining({ code: 'wallet_unknown' }))
  })

  it('F1: a contract account acts where its owner does, at the address that follows from both', () => {
    const accounts = [
      { name: 'vault', owner: 'ops', salt: 0n },
      { name: 'other', owner: 'ops', salt: 1n },
    ]
    const others = { wallets: [], accounts, broken: new Map(), chains: new Map() }
    const owning = new WalletBook([{ name: 'ops', privateKey: new Secret(KEY) }], testClock(), others)
    expect(owning.on(base).map(({ name, kind }) => `${name} ${kind}`)).toEqual([
      'ops eoa',
      'vault smart-account',
      'other smart-account',
    ])
    const [vault, other] = [owning.find('vault', base), owning.find('other', base)]
    expect(vault.address).not.toBe(other.address)
    expect(vault.signer.account).toBe(vault.address)
    const accountsOn = owning.accountsOn(base)
    expect(accountsOn(vault.address)).toEqual({ address: vault.address, owner: ADDRESS, salt: 0n })
    expect([accountsOn(ADDRESS), owning.accountsOn(sandboxA)(vault.address)]).toEqual([undefined, undefined])
    expect(book.find('vault', sandboxA).owner).toMatchObject({ name: 'treasury', salt: 0n })
  })

  it('R13: is found by its name or its address, in any capitals', () => {
    for (const given of ['ops', 'OPS', ADDRESS, ADDRESS.toLowerCase()])
      expect(book.find(given, base).address).toBe(ADDRESS)
    expect(book.addressOf('Agent', sandboxA)).toBe(AGENT)
    expect(book.addressOf('nobody', sandboxA)).toBe('nobody')
    expect(book.nameOf(MERCHANT, sandboxA)).toBe('merchant')
    expect(book.nameOf(ADDRESS, sandboxA)).toBeUndefined()
  })
})

it('R13: an address whose capitals do not match its checksum names no wallet', () => {
  const mistyped = ADDRESS.replace('d8A62f', 'D8A62f')
  expect(() => book.find(mistyped, base)).toThrow(
    expect.objectContaining({
      code: 'address_invalid',
      context: expect.objectContaining({ field: 'wallet' }),
    }),
  )
})

it('R6, T15: no key is in a wallet, a signer or a book, however they are shown', () => {
  const wallet = book.find('agent', sandboxA)
  const shown = [book, wallet, wallet.signer].flatMap((each) => [
    inspect(each, { showHidden: true, depth: 10 }),
    JSON.stringify(each),
    String(each),
  ])
  for (const key of [KEY, AGENT_KEY]) expect(shown.join('\n')).not.toContain(key.slice(2, 30))
  expect(Object.keys(wallet.signer).sort()).toEqual([
    ...['account', 'can', 'forAccount', 'made', 'ready', 'sign'],
  ])
})

it('R6: signs nothing without an order, its receipt and a codec: there is no way to sign a bare hash', async () => {
  const { signer } = book.find('ops', base)
  await expect(signer.sign({} as never, {} as never)).rejects.toThrow()
  await expect(signer.sign(`0x${'11'.repeat(32)}` as never, {} as never)).rejects.toThrow()
})

it('F1: lists who may act where; a wallet whose key is at hand is ready at once', async () => {
  const directory = { configured: () => [sandboxA, base], adapter: async () => ({ chain: base }) } as never
  const { wallets, limits } = await book.list(undefined, directory, ['1 ETH'])
  expect(wallets.map(({ name, kind, chains }) => [name, kind, chains])).toEqual([
    ...['treasury', 'agent', 'merchant', 'payroll'].map((name) => [name, 'eoa', ['eip155:31337']]),
    ['vault', 'smart-account', ['eip155:31337']],
    ['ops', 'eoa', ['eip155:8453']],
  ])
  expect(limits).toEqual(['1 ETH'])
  expect((await book.list('base', directory, [])).wallets.map(({ name }) => name)).toEqual(['ops'])
  await book.find('ops', base).signer.ready()
})

it('R5: rules that name a wallet know what a rotation keeps of it, and all accounts where a name is not known', () => {
  const two = new WalletBook(
    [
      { name: 'main', privateKey: new Secret(KEY) },
      { name: 'main-until-20261221', privateKey: new Secret(`0x${'12'.repeat(32)}`) },
    ],
    testClock(),
  )
  expect(two.accounts(new Set(['main']))).toHaveLength(2)
  expect(two.accounts(new Set(['main', 'agent']))).toHaveLength(3)
  expect(two.accounts(new Set(['main', 'gone']))).toBeUndefined()
})

it('tells every name that it has or may have, contract accounts included', () => {
  const accounts = [{ name: 'safe-box', owner: 'ops', salt: 3n }]
  const others = { wallets: [], accounts, broken: new Map(), chains: new Map() }
  const named = new WalletBook([{ name: 'ops', privateKey: new Secret(KEY) }], testClock(), others)
  expect([...named.names()].sort()).toEqual([
    'agent',
    'merchant',
    'ops',
    'payroll',
    'safe-box',
    'treasury',
    'vault',
  ])
  expect(book.names()).not.toContain('safe-box')
})

it('F1: a contract account of nobody is not there', () => {
  const accounts = [{ name: 'orphan', owner: 'gone', salt: 0n }]
  const others = { wallets: [], accounts, broken: new Map(), chains: new Map() }
  expect(new WalletBook([], testClock(), others).on(base)).toEqual([])
})
