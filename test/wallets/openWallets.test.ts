import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, it } from 'vitest'
import { base } from '../../src/chains/data/base.ts'
import { ethereum } from '../../src/chains/data/ethereum.ts'
import { sandboxA } from '../../src/chains/data/sandboxA.ts'
import { hostOf, Secret } from '../../src/primitives/secret.ts'
import { openWallets } from '../../src/wallets/openWallets.ts'
import { temporaryHome } from '../support/bursarServer.ts'
import { CANARY_ACCOUNT, CANARY_KEY, OTHER_ACCOUNT, OTHER_KEY, placeKeystore } from '../support/keystores.ts'
import { testClock } from '../support/testClock.ts'

const URL_OF_SIGNER = 'https://signer.example:9000/'
const REMOTE_ACCOUNT = '0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F'
const clock = testClock()
let home: string
beforeEach(() => {
  const made = temporaryHome()
  home = made.home
  return made.remove
})

const remote = (name: string, address: string) => {
  return { name, address, url: new Secret(URL_OF_SIGNER), host: hostOf(URL_OF_SIGNER) }
}
const open = (change: object = {}) =>
  openWallets(
    {
      home,
      wallets: [],
      remoteWallets: [],
      accounts: [],
      walletChains: new Map(),
      rpcTimeoutMs: 1_000,
      ...change,
    },
    clock,
  )
const code = (expected: string, context: object = {}) =>
  expect.objectContaining({ code: expected, context: expect.objectContaining(context) })

describe('F1: the wallets of a configuration', () => {
  it('keys of the environment, signers elsewhere and keystores stand beside each other, on real chains only', async () => {
    await placeKeystore(home, 'stored', CANARY_KEY)
    const { book, warnings, stored } = open({
      wallets: [{ name: 'dev', privateKey: new Secret(OTHER_KEY) }],
      remoteWallets: [remote('treasury', REMOTE_ACCOUNT.toLowerCase())],
    })
    expect(book.on(base).map(({ name, kind, address }) => [name, kind, address])).toEqual([
      ['dev', 'eoa', OTHER_ACCOUNT],
      ['treasury', 'remote', REMOTE_ACCOUNT],
      ['stored', 'eoa', CANARY_ACCOUNT],
    ])
    expect(book.on(sandboxA).map(({ name }) => name)).toEqual([
      ...['treasury', 'agent', 'merchant', 'payroll', 'vault'],
    ])
    expect(warnings).toEqual([])
    expect(stored.map(({ name }) => name)).toEqual(['stored'])
  })

  it('F1: contract accounts have owners whose keys are here; one that has none is told, and the others go on', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    const { book, broken, warnings } = open({
      remoteWallets: [remote('far', REMOTE_ACCOUNT)],
      accounts: [
        { name: 'vault', owner: 'main', salt: 0n },
        { name: 'lost', owner: 'far', salt: 0n },
      ],
    })
    expect(book.on(base).map(({ name, kind }) => [name, kind])).toEqual([
      ['far', 'remote'],
      ['main', 'eoa'],
      ['vault', 'smart-account'],
    ])
    expect(book.find('vault', base).owner).toEqual({ name: 'main', address: CANARY_ACCOUNT, salt: 0n })
    expect(broken.get('lost')).toEqual(code('wallet_unknown', { given: 'far', known: ['main'] }))
    expect(warnings).toHaveLength(1)
  })

  it('F1: a wallet acts on its chains only, and what a rotation keeps of it as well', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    await placeKeystore(home, 'main-until-20261221', OTHER_KEY)
    const walletChains = new Map([
      ['main', [base.id]],
      ['gone-wallet', [base.id]],
    ])
    const { book, warnings } = open({ walletChains })
    expect(book.on(base).map(({ name }) => name)).toEqual(['main', 'main-until-20261221'])
    expect(book.on(ethereum)).toEqual([])
    expect(() => book.find('main', ethereum)).toThrow(code('wallet_unknown', { known: [] }))
    expect(warnings).toEqual(['WALLET_GONE_WALLET_CHAINS does nothing: there is no wallet "gone-wallet"'])
  })

  it('T15: of two names for one account the first counts, and the other says why it does not', async () => {
    await placeKeystore(home, 'again', OTHER_KEY)
    await placeKeystore(home, 'third', CANARY_KEY)
    const { book, broken, warnings } = open({
      wallets: [{ name: 'dev', privateKey: new Secret(OTHER_KEY) }],
      remoteWallets: [remote('far', OTHER_ACCOUNT), remote('third', REMOTE_ACCOUNT)],
      walletChains: new Map([['far', [base.id]]]),
    })
    expect(book.on(base).map(({ name }) => name)).toEqual(['dev', 'third'])
    expect([...broken]).toEqual([
      ['far', code('wallet_exists', { reason: `"dev" is the same account, ${OTHER_ACCOUNT}` })],
      ['again', code('wallet_exists', { reason: `"dev" is the same account, ${OTHER_ACCOUNT}` })],
      ['third', code('wallet_exists', { reason: 'there is one of that name' })],
    ])
    expect(warnings).toHaveLength(3)
    expect(() => book.find('Again', base)).toThrow(code('wallet_exists', { name: 'again' }))
  })

  it('R13: an address whose capitals do not match is no address of a signer', () => {
    const { book, broken } = open({
      remoteWallets: [remote('hot-one', REMOTE_ACCOUNT.replace('d8A', 'D8A'))],
    })
    const wrong = code('address_invalid', { field: 'WALLET_HOT_ONE_ADDRESS' })
    expect([...broken]).toEqual([['hot-one', wrong]])
    expect(() => book.find('hot-one', base)).toThrow(wrong)
  })

  it('R10: where the folder cannot be used, whoever asks for a wallet is told that, but not on the sandbox', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    chmodSync(join(home, 'wallets'), 0o770)
    const { book } = open()
    expect(() => book.find('main', base)).toThrow(code('secret_file_exposed'))
    expect(() => book.find('main', sandboxA)).toThrow(code('wallet_unknown'))
  })
})
