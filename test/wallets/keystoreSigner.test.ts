import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { Secret } from '../../src/primitives/secret.ts'
import { keyFromFile } from '../../src/wallets/keyFromFile.ts'
import { readStoredWallet } from '../../src/wallets/keystore/storedWallet.ts'
import { keystoreSigner } from '../../src/wallets/keystoreSigner.ts'
import { type KeyringLibrary, osKeyring } from '../../src/wallets/osKeyring.ts'
import {
  passwordFromFile,
  passwordSource,
  requireGoodPassword,
  samePassword,
} from '../../src/wallets/passwords.ts'
import { newPrivateKey } from '../../src/wallets/privateKey.ts'
import { temporaryHome } from '../support/bursarServer.ts'
import {
  CANARY_ACCOUNT,
  CANARY_KEY,
  foreignKeystore,
  OTHER_KEY,
  PASSWORD,
  placeKeystore,
  placeSecret,
} from '../support/keystores.ts'
import { testClock } from '../support/testClock.ts'
import { codec, orderFor } from './support.ts'

const clock = testClock()
const OTHER = '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC'
const { home, remove } = temporaryHome()
afterAll(() => remove())
const code = (expected: string, context: object = {}) =>
  expect.objectContaining({ code: expected, context: expect.objectContaining(context) })

let path: string
beforeEach(async () => {
  path = await placeKeystore(home, 'main', CANARY_KEY)
})
const stored = () => readStoredWallet('main', path)

describe('F2: an account whose key is in a file', () => {
  it('R1: is opened once, at first need, and signs what has a receipt', async () => {
    let asked = 0
    const passwordOf = async () => {
      asked++
      return new Secret(PASSWORD)
    }
    const signer = keystoreSigner(stored(), passwordOf, clock)
    expect([signer.account, signer.made, signer.can, asked]).toEqual([CANARY_ACCOUNT, 'here', 'sign', 0])
    const order = orderFor(CANARY_KEY, clock.now())
    const signed = await Promise.all([signer.sign(order, codec), signer.sign(order, codec), signer.ready()])
    expect((await codec.parse(signed[0].raw)).payload).toEqual(order.payload)
    expect(asked).toBe(1)
    await expect(signer.sign(orderFor(OTHER_KEY, clock.now()), codec)).rejects.toEqual(
      code('receipt_refused'),
    )
  })

  it('F1: signs for a contract account that it owns, opened at first need, and no transaction in its name', async () => {
    let asked = 0
    const passwordOf = async () => {
      asked++
      return new Secret(PASSWORD)
    }
    const owned = keystoreSigner(stored(), passwordOf, clock).forAccount?.(OTHER)
    expect([owned?.account, owned?.made, owned?.can, asked]).toEqual([OTHER, 'here', 'sign', 0])
    await owned?.ready()
    expect(asked).toBe(1)
    await expect(owned?.sign(orderFor(CANARY_KEY, clock.now()), codec)).rejects.toEqual(
      code('receipt_refused', { reason: `it is not what ${OTHER} signs` }),
    )
  })

  it('T15: what fails says why without showing anything, and is tried again', async () => {
    const passwords = ['canary-wrong-word', PASSWORD]
    const signer = keystoreSigner(stored(), async () => new Secret(passwords.shift() ?? ''), clock)
    const error = await signer.ready().catch((thrown: unknown) => thrown)
    expect(error).toEqual(code('password_wrong', { path }))
    await signer.ready()
    expect(inspect([error, signer], { depth: 10, showHidden: true })).not.toMatch(/canary|cafef00d/i)
  })
})

describe('F2: where a server has a password from', () => {
  it('a file: its line, without the end of it', () => {
    expect(passwordFromFile(placeSecret(home, 'a', `${PASSWORD}\r\n`)).reveal()).toBe(PASSWORD)
    expect(passwordFromFile(placeSecret(home, 'b', ' two words \n')).reveal()).toBe(' two words ')
  })

  it('R6: a file that is empty, that others can read, or that is not there, is told', async () => {
    expect(() => passwordFromFile(placeSecret(home, 'empty', '\n'))).toThrow(code('wallet_input_invalid'))
    writeFileSync(join(home, 'open'), PASSWORD)
    chmodSync(join(home, 'open'), 0o640)
    expect(() => passwordFromFile(join(home, 'open'))).toThrow(code('secret_file_exposed', { mode: '640' }))
    const source = passwordSource(join(home, 'none'), osKeyring())
    await expect(source(stored())).rejects.toEqual(code('secret_file_unreadable', { reason: 'ENOENT' }))
  })

  it('a password that is chosen has 8 characters at least', () => {
    expect(() => requireGoodPassword(new Secret('seven77'))).toThrow(code('wallet_input_invalid'))
    expect(() => requireGoodPassword(new Secret('x'.repeat(1_025)))).toThrow(code('wallet_input_invalid'))
    requireGoodPassword(new Secret('eight888'))
    expect(samePassword(new Secret('a'), new Secret('a'))).toBe(true)
    expect(samePassword(new Secret('a'), new Secret('b'))).toBe(false)
  })

  it('else the keyring of the system, by account', async () => {
    const { library, entries } = memoryLibrary()
    const keyring = osKeyring(async () => library)
    const source = passwordSource(undefined, keyring)
    await expect(source(stored())).rejects.toEqual(
      code('wallet_locked', { name: 'main', reason: expect.stringContaining('has no password for it') }),
    )
    await keyring.store(CANARY_ACCOUNT, new Secret(PASSWORD))
    expect([...entries]).toEqual([[`bursar ${CANARY_ACCOUNT.toLowerCase()} secret-service`, PASSWORD]])
    expect((await source(stored())).reveal()).toBe(PASSWORD)
  })

  it('a system without a keyring, or without its library, is told as what it is', async () => {
    const away = osKeyring(async () => {
      throw new Error('Cannot find module')
    })
    await expect(away.read(CANARY_ACCOUNT)).rejects.toEqual(
      code('keyring_unavailable', { reason: expect.stringContaining('not installed') }),
    )
    await expect(passwordSource(undefined, away)(stored())).rejects.toEqual(
      code('wallet_locked', { reason: expect.stringContaining('KEYSTORE_PASSWORD_FILE is not set') }),
    )
    // The real library, and a session bus that is not there.
    const before = process.env['DBUS_SESSION_BUS_ADDRESS']
    process.env['DBUS_SESSION_BUS_ADDRESS'] = 'unix:path=/nonexistent'
    await expect(osKeyring().store(CANARY_ACCOUNT, new Secret(PASSWORD))).rejects.toEqual(
      code('keyring_unavailable', { reason: 'no keyring of this system answers' }),
    )
    if (before === undefined) delete process.env['DBUS_SESSION_BUS_ADDRESS']
    else process.env['DBUS_SESSION_BUS_ADDRESS'] = before
  })

  it('what else is wrong with a keyring is not taken for a locked wallet', async () => {
    const broken = { ...osKeyring(), read: () => Promise.reject(new TypeError('broken')) }
    await expect(passwordSource(undefined, broken)(stored())).rejects.toThrow(TypeError)
  })
})

describe('F2: a key that is taken over', () => {
  it('is in a file as hex digits, or in a keystore of another tool, whose password is asked for then', async () => {
    const never = () => Promise.reject(new Error('asked'))
    expect((await keyFromFile(placeSecret(home, 'hex', `${CANARY_KEY}\n`), never)).reveal()).toBe(CANARY_KEY)
    const foreign = placeSecret(home, 'geth', await foreignKeystore(OTHER_KEY))
    expect((await keyFromFile(foreign, async () => new Secret(PASSWORD))).reveal()).toBe(OTHER_KEY)
    await expect(keyFromFile(foreign, async () => new Secret('x'))).rejects.toEqual(code('password_wrong'))
  })

  it('one that is made anew is a key: what is drawn and is none is drawn again', () => {
    const draws = [new Uint8Array(32), new Uint8Array(32).fill(0xff), Buffer.from(CANARY_KEY.slice(2), 'hex')]
    expect(newPrivateKey(() => draws.shift() as Uint8Array).reveal()).toBe(CANARY_KEY)
    expect(newPrivateKey().reveal()).toMatch(/^0x[0-9a-f]{64}$/)
    expect(newPrivateKey().reveal()).not.toBe(newPrivateKey().reveal())
  })
})

/** What of the library is used, over a map in place of the system's own keyring. */
function memoryLibrary() {
  const entries = new Map<string, string>()
  class AsyncEntry {
    readonly #key: string
    constructor(service: string, account: string, { linux }: { linux: { store: string } }) {
      this.#key = `${service} ${account} ${linux.store}`
    }
    async getPassword() {
      return entries.get(this.#key) ?? null
    }
    async setPassword(password: string) {
      entries.set(this.#key, password)
    }
  }
  const library: KeyringLibrary = { AsyncEntry }
  return { library, entries }
}
