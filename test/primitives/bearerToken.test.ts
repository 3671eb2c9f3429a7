import { expect, test } from 'vitest'
import { matchesHash, mintToken, parseToken } from '../../src/primitives/bearerToken.ts'

test('a token starts alike, names itself without its secret, and is made of 256 random bits', () => {
  const minted = mintToken()
  expect(minted.text).toMatch(/^bursar_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/)
  expect(parseToken(minted.text)).toEqual({ id: minted.id, secret: minted.text.slice(20) })
  expect(Buffer.from(minted.text.slice(20), 'base64url')).toHaveLength(32)
  expect(new Set(Array.from({ length: 1_000 }, () => mintToken().text)).size).toBe(1_000)
})

test('only the secret itself has its hash', () => {
  // SHA-256 of "abc", from FIPS 180-2.
  const hash = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  expect(matchesHash('abc', hash)).toBe(true)
  expect(matchesHash('abd', hash)).toBe(false)
  expect(matchesHash('abc', undefined)).toBe(false)
  const { text, hash: own } = mintToken()
  expect(matchesHash(parseToken(text)?.secret ?? '', own)).toBe(true)
})

test.each(['', 'bursar_', 'bursar_0123456789ab_short', `bursar_0123456789AB_${'a'.repeat(43)}`])(
  'what is no token is none: %j',
  (text) => {
    expect(parseToken(text)).toBeUndefined()
    expect(parseToken(` ${mintToken().text}`)).toBeUndefined()
    expect(parseToken(`${mintToken().text}\n`)).toBeUndefined()
  },
)
