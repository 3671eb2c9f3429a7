import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { base } from '../../src/chains/data/base.ts'
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
import { solana } from '../../src/chains/data/solana.ts'
import { Secret } from '../../src/primitives/secret.ts'
import { WalletBook } from '../../src/wallets/walletBook.ts'
import { AGENT, AGENT_KEY, MERCHANT, testClock } from '../support/engine.ts'

// The key of the example in EIP-155.
const KEY = '0x4646464646464646464646464646464646464646464646464646464646464646'
const ADDRESS = '0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F'
const book = new WalletBook([{ name: 'ops', privateKey: new Secret(KEY) }], testClock())
const names = (chain: typeof base) => book.on(chain).map(({ name }) => name)

describe('which wallet acts where', () => {
  it('R6: sandbox keys, which everybody knows, never leave the sandbox, and the operator’s never enter it', () => {
    expect(names(sandboxA)).toEqual(['treasury', 'agent', 'merchant', 'payroll'])
    expect(names(base)).toEqual(['ops'])
    expect(names(solana)).toEqual([])
    expect(() => book.find('agent', base)).toThrow(
      expect.objectContaining({ code: 'wallet_unknown', context: { given: 'agent', known: ['ops'] } }),
    )
    expect(() => book.find(AGENT, base)).toThrow(expect.objectContaining({ code: 'wallet_unknown' }))
    expect(() => book.find('ops', sandboxA)).toThrow(expect.objectContaining({ code: 'wallet_unknown' }))
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
  expect(Object.keys(wallet.signer).sort()).toEqual(['account', 'sign'])
})

it('R6: signs nothing without an order, its receipt and a codec: there is no way to sign a bare hash', async () => {
  const { signer } = book.find('ops', base)
  await expect(signer.sign({} as never, {} as never)).rejects.toThrow()
  await expect(signer.sign(`0x${'11'.repeat(32)}` as never, {} as never)).rejects.toThrow()
})
