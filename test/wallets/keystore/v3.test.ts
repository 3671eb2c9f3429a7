import { decryptKeystoreJson, decryptKeystoreJsonSync } from 'ethers'
import { describe, expect, it } from 'vitest'
import { Secret } from '../../../src/primitives/secret.ts'
import {
  decryptKeystore,
  encryptKeystore,
  type Keystore,
  parseKeystore,
} from '../../../src/wallets/keystore/v3.ts'
import { CANARY_ACCOUNT, CANARY_KEY, foreignKeystore, PASSWORD } from '../../support/keystores.ts'

function read(text: string): Keystore {
  const keystore = parseKeystore(text)
  if ('wrong' in keystore) throw new Error(keystore.wrong)
  return keystore
}

const keyIn = async (text: string, password: string) =>
  (await decryptKeystore(read(text), new Secret(password)))?.reveal()

// The test vectors of the definition of Web3 Secret Storage.
const VECTOR_KEY = '0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d'
const PBKDF2 = {
  crypto: {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
    ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
    kdf: 'pbkdf2',
    kdfparams: {
      c: 262144,
      dklen: 32,
      prf: 'hmac-sha256',
      salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
    },
    mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
  },
  id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
  version: 3,
}
const SCRYPT = {
  crypto: {
    cipher: 'aes-128-ctr',
    cipherparams: { iv: '83dbcc02d8ccb40e466191a123791e0e' },
    ciphertext: 'd172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c',
    kdf: 'scrypt',
    kdfparams: {
      dklen: 32,
      n: 262144,
      p: 8,
      r: 1,
      salt: 'ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19',
    },
    mac: '2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097',
  },
  id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
  version: 3,
}

/** ethers derives keys in JavaScript: seconds, on a machine that is busy tens of them. */
const SLOW = 120_000

describe('F2: Web3 Secret Storage, version 3', () => {
  it('reads the test vector of its definition with PBKDF2', async () => {
    expect(await keyIn(JSON.stringify(PBKDF2), 'testpassword')).toBe(VECTOR_KEY)
    expect(await keyIn(JSON.stringify(PBKDF2), 'testpassworD')).toBeUndefined()
  })

  it('refuses the one with scrypt, as ethers does: its cost is more than scrypt allows for its block size', async () => {
    expect(parseKeystore(JSON.stringify(SCRYPT))).toEqual({
      wrong: 'it is no keystore of version 3 (crypto.kdfparams)',
    })
    await expect(decryptKeystoreJson(JSON.stringify(SCRYPT), 'testpassword')).rejects.toThrow(
      /Scrypt: N must be/,
    )
  })

  it(
    'ethers reads what is written here, which costs what is standard',
    async () => {
      const text = await encryptKeystore(new Secret(CANARY_KEY), CANARY_ACCOUNT, new Secret(PASSWORD))
      expect(decryptKeystoreJsonSync(text, PASSWORD)).toMatchObject({
        address: CANARY_ACCOUNT,
        privateKey: CANARY_KEY,
      })
      const { crypto, address } = read(text)
      expect(crypto).toMatchObject({ kdf: 'scrypt', kdfparams: { n: 262_144, r: 8, p: 1, dklen: 32 } })
      expect(address).toBe(CANARY_ACCOUNT.slice(2).toLowerCase())
      expect(await keyIn(text, PASSWORD)).toBe(CANARY_KEY)
      expect(text).not.toContain(CANARY_KEY.slice(2, 20))
    },
    SLOW,
  )

  it('nothing else waits while a password is tried', async () => {
    let longest = 0
    let last = performance.now()
    const beat = setInterval(() => {
      longest = Math.max(longest, performance.now() - last)
      last = performance.now()
    }, 5)
    const began = performance.now()
    await encryptKeystore(new Secret(CANARY_KEY), CANARY_ACCOUNT, new Secret(PASSWORD))
    clearInterval(beat)
    // Were it done in the event loop, the longest pause would be all of it.
    expect(longest).toBeLessThan((performance.now() - began) * 0.7)
  })

  it('reads what ethers writes, also with Crypto in capitals and 0x before hex digits', async () => {
    const text = await foreignKeystore(CANARY_KEY)
    expect(await keyIn(text, PASSWORD)).toBe(CANARY_KEY)
    const { crypto, Crypto, ...rest } = JSON.parse(text)
    const sealed = crypto ?? Crypto
    const capital = { ...rest, Crypto: { ...sealed, ciphertext: `0x${sealed.ciphertext}` } }
    expect(await keyIn(JSON.stringify(capital), PASSWORD)).toBe(CANARY_KEY)
  })

  it('opens with a password however its accents were typed, and with one that a tool did not normalise', async () => {
    const composed = 'pässwörd-lang'.normalize('NFC')
    const decomposed = composed.normalize('NFD')
    expect(composed).not.toBe(decomposed)
    const text = await foreignKeystore(CANARY_KEY, composed)
    expect(await keyIn(text, decomposed)).toBe(CANARY_KEY)
    // ethers takes bytes as they are.
    const raw = await foreignKeystore(CANARY_KEY, Buffer.from(decomposed) as unknown as string)
    expect(await keyIn(raw, decomposed)).toBe(CANARY_KEY)
    expect(await keyIn(raw, composed)).toBeUndefined()
  })
})

describe('a text that is no keystore is told in our words, which show nothing of it', () => {
  const withParameters = (change: object) => ({
    ...SCRYPT,
    crypto: { ...SCRYPT.crypto, kdfparams: { ...SCRYPT.crypto.kdfparams, ...change } },
  })
  const torn = 'it was cut off or changed'
  it.each([
    ['cut off', JSON.stringify(SCRYPT).slice(0, 300), torn],
    ['empty', '', torn],
    ['version 1', JSON.stringify({ ...SCRYPT, version: 1 }), 'its version is 1, and only 3 can be read'],
    ['a version in words', JSON.stringify({ ...SCRYPT, version: 'three' }), 'its version is unknown'],
    ['null', 'null', 'it is no keystore of version 3 (all of it)'],
    ['a list', '[]', 'it is no keystore of version 3'],
    ['no version', '{}', 'it is no keystore of version 3 (version, crypto)'],
    [
      'another cipher',
      JSON.stringify({ ...SCRYPT, crypto: { ...SCRYPT.crypto, cipher: 'des' } }),
      '(crypto.cipher',
    ],
    [
      'another function',
      JSON.stringify({ ...SCRYPT, crypto: { ...SCRYPT.crypto, kdf: 'md5' } }),
      '(crypto.kdf)',
    ],
    [
      'a cost that is no power of two',
      JSON.stringify(withParameters({ n: 1000, r: 8 })),
      '(crypto.kdfparams)',
    ],
    [
      'more memory than a gibibyte',
      JSON.stringify(withParameters({ n: 2 ** 21, r: 8 })),
      '(crypto.kdfparams)',
    ],
    ['more lanes than there may be', JSON.stringify(withParameters({ p: 17 })), '(crypto.kdfparams.p'],
    [
      'more rounds than there may be',
      JSON.stringify({
        ...PBKDF2,
        crypto: { ...PBKDF2.crypto, kdfparams: { ...PBKDF2.crypto.kdfparams, c: 10_000_001 } },
      }),
      '(crypto.kdfparams.c)',
    ],
  ])('%s', (_what, text, words) => {
    const { wrong } = parseKeystore(text) as { wrong: string }
    expect(wrong).toContain(words)
    expect(wrong).not.toContain('d172bf74')
  })
})
