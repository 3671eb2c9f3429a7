import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decryptKeystoreJsonSync } from 'ethers'
import { beforeEach, describe, expect, it } from 'vitest'
import { Secret } from '../../../src/primitives/secret.ts'
import { addFile, removeFile } from '../../../src/wallets/keystore/files.ts'
import { KeystoreFolder } from '../../../src/wallets/keystore/keystoreFolder.ts'
import { openKeystore } from '../../../src/wallets/keystore/storedWallet.ts'
import {
  CANARY_ACCOUNT,
  CANARY_KEY,
  foreignKeystore,
  OTHER_ACCOUNT,
  OTHER_KEY,
  PASSWORD,
  placeKeystore,
} from '../../support/keystores.ts'

const password = new Secret(PASSWORD)

let home: string
let folder: KeystoreFolder
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bursar-wallets-'))
  folder = new KeystoreFolder(home)
  return () => rmSync(home, { recursive: true, force: true })
})

const fileOf = (name: string) => join(home, 'wallets', `${name}.json`)
const files = () => readdirSync(join(home, 'wallets')).sort()
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
const code = (expected: string, context: object = {}) =>
  expect.objectContaining({ code: expected, context: expect.objectContaining(context) })

describe('F2: wallets in files', () => {
  it('R6: a new one is encrypted, for its owner alone, and other tools open it', async () => {
    const { name, address, path } = await folder.create('main', password)
    expect({ name, path }).toEqual({ name: 'main', path: fileOf('main') })
    expect([mode(join(home, 'wallets')), mode(path), files()]).toEqual(['700', '600', ['main.json']])
    expect(decryptKeystoreJsonSync(readFileSync(path, 'utf8'), PASSWORD)).toMatchObject({ address })
    expect(folder.list()).toEqual({ wallets: [{ name: 'main', address, path }], broken: new Map() })
    expect(folder.find('main')).toEqual({ name: 'main', address, path })
  }, 120_000)

  it('takes over a key, with or without 0x, and gives it back to its password only', async () => {
    const wallet = await folder.import('main', new Secret(CANARY_KEY.slice(2).toUpperCase()), password)
    expect(wallet.address).toBe(CANARY_ACCOUNT)
    expect((await openKeystore(wallet.path, password)).reveal()).toBe(CANARY_KEY)
    await expect(openKeystore(wallet.path, new Secret('another one'))).rejects.toEqual(
      code('password_wrong', { path: wallet.path }),
    )
  })

  it.each([
    ['too short', '0x12', 'it is not a private key'],
    ['zero', '0'.repeat(64), 'it is not a private key'],
    [
      'the order of the curve',
      'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
      'it is not a private key',
    ],
    [
      'a key that everybody knows',
      'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
      'it is a development key',
    ],
  ])('refuses a key that is %s, and writes nothing', async (_what, key, reason) => {
    await expect(folder.import('main', new Secret(key), password)).rejects.toEqual(
      code('wallet_input_invalid', { what: 'The private key', reason: expect.stringContaining(reason) }),
    )
    expect(existsSync(join(home, 'wallets'))).toBe(false)
  })

  it('never writes over a wallet, and gives an account one name only', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    const before = readFileSync(fileOf('main'), 'utf8')
    await expect(folder.create('main', password)).rejects.toEqual(code('wallet_exists', { name: 'main' }))
    await expect(folder.import('other', new Secret(CANARY_KEY), password)).rejects.toEqual(
      code('wallet_exists', { name: 'other', reason: `"main" is the same account, ${CANARY_ACCOUNT}` }),
    )
    expect(() => folder.rename('main', 'main')).toThrow(code('wallet_exists'))
    expect([files(), readFileSync(fileOf('main'), 'utf8')]).toEqual([['main.json'], before])
  })

  it('names and accounts that are elsewhere are taken as well', async () => {
    const known = new KeystoreFolder(home, [{ name: 'treasury', address: OTHER_ACCOUNT }])
    expect(() => known.requireFreeName('treasury')).toThrow(code('wallet_exists'))
    await expect(known.import('mine', new Secret(OTHER_KEY), password)).rejects.toEqual(
      code('wallet_exists', { reason: `"treasury" is the same account, ${OTHER_ACCOUNT}` }),
    )
    await placeKeystore(home, 'treasury', CANARY_KEY)
    expect([...known.list().broken]).toEqual([
      ['treasury', code('wallet_exists', { reason: 'there is one of that name' })],
    ])
  })

  it.each(['Main', 'a_b', '-a', '../main', '', 'a'.repeat(33)])('refuses the name "%s"', (name) => {
    expect(() => folder.requireFreeName(name)).toThrow(code('wallet_input_invalid'))
  })

  it('R4, F2: of two that make one name at a time one wins, and the other is told', async () => {
    const made = await Promise.allSettled([folder.create('main', password), folder.create('main', password)])
    expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    const [winner] = made.flatMap((each) => (each.status === 'fulfilled' ? [each.value.address] : []))
    expect(made).toContainEqual({ status: 'rejected', reason: code('wallet_exists') })
    expect([files(), folder.find('main').address]).toEqual([['main.json'], winner])
  })

  it('gives a wallet another name', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    expect(folder.rename('main', 'ops')).toEqual({
      name: 'ops',
      address: CANARY_ACCOUNT,
      path: fileOf('ops'),
    })
    expect(files()).toEqual(['ops.json'])
    expect(() => folder.rename('main', 'other')).toThrow(
      code('wallet_unknown', { given: 'main', known: ['ops'] }),
    )
    expect(() => folder.rename('ops', 'Other')).toThrow(code('wallet_input_invalid'))
  })

  it.each([
    ['main', 'ops'],
    ['ops', 'main'],
  ])('renames %s to %s on from where that has ended half-way', async (from, to) => {
    await placeKeystore(home, from, CANARY_KEY)
    linkSync(fileOf(from), fileOf(to))
    expect(folder.rename(from, to)).toEqual({ name: to, address: CANARY_ACCOUNT, path: fileOf(to) })
    expect(files()).toEqual([`${to}.json`])
  })

  it('never takes the only file of a wallet for a renaming that has ended half-way', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    await placeKeystore(home, 'spare', OTHER_KEY)
    expect(() => folder.rename('./main', 'main')).toThrow(code('wallet_unknown'))
    expect(() => folder.rename('main', 'main')).toThrow(code('wallet_exists'))
    expect(() => folder.rename('main', 'spare')).toThrow(code('wallet_exists'))
    expect(files()).toEqual(['main.json', 'spare.json'])
  })

  it('changes a password: the old one opens it no more, and a wrong one changes nothing', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    const before = readFileSync(fileOf('main'), 'utf8')
    await expect(folder.changePassword('main', new Secret('wrong'), password)).rejects.toEqual(
      code('password_wrong'),
    )
    expect(readFileSync(fileOf('main'), 'utf8')).toBe(before)
    const next = new Secret('quite another one')
    await folder.changePassword('main', password, next)
    expect((await openKeystore(fileOf('main'), next)).reveal()).toBe(CANARY_KEY)
    await expect(openKeystore(fileOf('main'), password)).rejects.toEqual(code('password_wrong'))
    expect([files(), mode(fileOf('main'))]).toEqual([['main.json'], '600'])
  })

  it('rotates: a new account under the name, the old key beside it, with the password that it had', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    const next = new Secret('quite another one')
    const now = await folder.rotate('main', 'main-until-20261221', next)
    expect(now.address).not.toBe(CANARY_ACCOUNT)
    expect(folder.list().wallets.map(({ name, address }) => [name, address])).toEqual([
      ['main', now.address],
      ['main-until-20261221', CANARY_ACCOUNT],
    ])
    expect((await openKeystore(fileOf('main-until-20261221'), password)).reveal()).toBe(CANARY_KEY)
    await openKeystore(fileOf('main'), next)
    // A second time on one day: what the first has kept is not lost.
    await expect(folder.rotate('main', 'main-until-20261221', next)).rejects.toEqual(code('wallet_exists'))
    expect(folder.find('main').address).toBe(now.address)
  })

  it('rotates on from where a rotation has ended half-way', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    linkSync(fileOf('main'), fileOf('main-until-20261221'))
    expect([...folder.list().broken.keys()]).toEqual(['main-until-20261221'])
    const now = await folder.rotate('main', 'main-until-20261221', password)
    expect(folder.list().wallets.map(({ address }) => address)).toEqual([now.address, CANARY_ACCOUNT])
  })
})

describe('F2: what is wrong with a file is told precisely, and the others go on', () => {
  beforeEach(async () => {
    await placeKeystore(home, 'good', OTHER_KEY)
    await placeKeystore(home, 'main', CANARY_KEY)
  })
  const expectBroken = (what: string, context: object = {}) => {
    const { wallets, broken } = folder.list()
    expect(wallets.map(({ name }) => name)).toEqual(['good'])
    expect([...broken]).toEqual([['main', code(what, context)]])
    expect(() => folder.find('main')).toThrow(code(what, context))
  }

  it.each(['644', '640', '610', '602'])('open to others (mode %s), of its group as well', (mode) => {
    chmodSync(fileOf('main'), Number.parseInt(mode, 8))
    expectBroken('secret_file_exposed', { path: fileOf('main'), mode })
  })

  it('cut off', () => {
    truncateSync(fileOf('main'), 200)
    expectBroken('keystore_damaged', {
      path: fileOf('main'),
      reason: expect.stringContaining('it was cut off'),
    })
  })

  it('a version that nobody knows', () => {
    const keystore = JSON.parse(readFileSync(fileOf('main'), 'utf8'))
    writeFileSync(fileOf('main'), JSON.stringify({ ...keystore, version: 4 }))
    expectBroken('keystore_damaged', { reason: 'its version is 4, and only 3 can be read' })
  })

  it('without an address', () => {
    const { address: _address, ...keystore } = JSON.parse(readFileSync(fileOf('main'), 'utf8'))
    writeFileSync(fileOf('main'), JSON.stringify(keystore))
    expectBroken('keystore_damaged', { reason: 'it has no address: import it instead' })
  })

  it('far too large, and no file at all', () => {
    truncateSync(fileOf('main'), 100_000)
    expectBroken('secret_file_unreadable', { reason: 'it is too large' })
    rmSync(fileOf('main'))
    mkdirSync(fileOf('main'), { mode: 0o700 })
    expectBroken('secret_file_unreadable', { reason: 'EISDIR' })
  })

  it('T15: an address that is not that of its key is found when it is opened, before anything is signed', async () => {
    const keystore = JSON.parse(readFileSync(fileOf('main'), 'utf8'))
    writeFileSync(fileOf('main'), JSON.stringify({ ...keystore, address: '00'.repeat(20) }))
    await expect(openKeystore(fileOf('main'), password)).rejects.toEqual(
      code('keystore_damaged', { reason: expect.stringContaining(CANARY_ACCOUNT) }),
    )
  })

  it('a key that is none, or that everybody knows', async () => {
    writeFileSync(fileOf('main'), await foreignKeystore(`0x${'00'.repeat(31)}07`))
    await expect(openKeystore(fileOf('main'), password)).rejects.toEqual(
      code('keystore_damaged', { reason: expect.stringContaining('development key') }),
    )
  })

  it('a folder that others may write to, or that is none: nothing in it is used', async () => {
    const exposedAt = (mode: string) => code('secret_file_exposed', { path: join(home, 'wallets'), mode })
    const exposed = exposedAt('777')
    for (const mode of ['770', '702', '777']) {
      chmodSync(join(home, 'wallets'), Number.parseInt(mode, 8))
      expect(folder.list()).toEqual({ wallets: [], broken: new Map([['*', exposedAt(mode)]]) })
    }
    expect(() => folder.find('main')).toThrow(exposed)
    await expect(folder.create('new', password)).rejects.toEqual(exposed)
    rmSync(join(home, 'wallets'), { recursive: true })
    writeFileSync(join(home, 'wallets'), '')
    expect([...folder.list().broken]).toEqual([['*', code('secret_file_unreadable', { reason: 'ENOTDIR' })]])
  })
})

describe('F2: a disk that takes nothing loses nothing', () => {
  it('a folder that cannot be made', async () => {
    const nowhere = new KeystoreFolder('/proc/bursar')
    await expect(nowhere.create('main', password)).rejects.toEqual(
      code('keystore_unwritable', { path: '/proc/bursar/wallets' }),
    )
  })

  it('a file that cannot be written leaves no part of it', async () => {
    await placeKeystore(home, 'main', CANARY_KEY)
    // The file that is written first has a longer name than file systems take.
    const path = join(home, 'wallets', 'a'.repeat(240))
    expect(() => addFile(path, 'main', 'text')).toThrow(
      code('keystore_unwritable', { path, reason: 'ENAMETOOLONG' }),
    )
    expect(() => removeFile(path)).toThrow(code('keystore_unwritable', { reason: 'ENOENT' }))
    expect(files()).toEqual(['main.json'])
  })
})
