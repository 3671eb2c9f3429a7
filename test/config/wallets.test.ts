import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

const load = (env: Record<string, string | undefined>) =>
  loadConfig({ ALLOW_ENVIRONMENT_KEYS: 'true', ...env }, allChains)
const KEY_A = '1f1e1d1c1b1a19181716151413121110f0e0d0c0b0a090807060504030201001'
const KEY_B = '2f1e1d1c1b1a19181716151413121110f0e0d0c0b0a090807060504030201001'
const REAL = { BASE_SEPOLIA_RPC_URL: 'https://node.example' }
const PUBLIC_WORDS =
  'WALLET_DEV_PRIVATE_KEY is a development key: this key is public, everybody can spend from it, and Base Sepolia would be used with it'

describe('WALLET_<NAME>_PRIVATE_KEY (F1)', () => {
  it('names wallets in lower case with hyphens, and takes keys with or without 0x', () => {
    const { wallets } = load({
      WALLET_HOT_ONE_PRIVATE_KEY: `0x${KEY_A.toUpperCase()}`,
      WALLET_MAIN_PRIVATE_KEY: ` ${KEY_B} `,
      WALLET_EMPTY_PRIVATE_KEY: '',
    })
    expect(wallets.map(({ name, privateKey }) => [name, privateKey.reveal()])).toEqual([
      ['hot-one', `0x${KEY_A}`],
      ['main', `0x${KEY_B}`],
    ])
  })

  it.each([
    ['too short', KEY_A.slice(1), 'must be a private key: 64 hex digits, with or without 0x'],
    ['no hex', KEY_A.replace('1', 'g'), 'must be a private key: 64 hex digits, with or without 0x'],
    ['zero', '0'.repeat(64), 'is not a valid secp256k1 private key'],
    [
      'the order of the curve',
      'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141',
      'is not a valid secp256k1 private key',
    ],
  ])('refuses a key that is %s', (_what, key, words) => {
    expect(problemsOf(() => load({ WALLET_MAIN_PRIVATE_KEY: key }))).toEqual([
      `WALLET_MAIN_PRIVATE_KEY ${words}`,
    ])
  })

  it('takes the largest valid key', () => {
    const key = 'fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140'
    expect(load({ WALLET_MAIN_PRIVATE_KEY: key }).wallets).toHaveLength(1)
  })

  it('refuses names that do not come out as one plain word', () => {
    const long = 'A'.repeat(33)
    expect(
      problemsOf(() => load({ [`WALLET_${long}_PRIVATE_KEY`]: KEY_A, WALLET_A__B_PRIVATE_KEY: KEY_B })),
    ).toEqual([
      `WALLET_${long}_PRIVATE_KEY must name its wallet with at most 32 letters and digits, parted by single underscores`,
      'WALLET_A__B_PRIVATE_KEY must name its wallet with at most 32 letters and digits, parted by single underscores',
    ])
  })

  it('refuses one name for two keys, and one key under two names', () => {
    expect(
      problemsOf(() =>
        load({
          WALLET_MAIN_PRIVATE_KEY: KEY_A,
          WALLET_main_PRIVATE_KEY: KEY_B,
          WALLET_OTHER_PRIVATE_KEY: `0x${KEY_A}`,
        }),
      ),
    ).toEqual([
      'WALLET_OTHER_PRIVATE_KEY and WALLET_MAIN_PRIVATE_KEY hold the same key',
      'WALLET_main_PRIVATE_KEY and WALLET_MAIN_PRIVATE_KEY name the same wallet "main"',
    ])
  })
})

describe('keys that everybody knows', () => {
  it.each([
    ['anvil 0', 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80'],
    ['anvil 9', '2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6'],
    ['the number 1', '0000000000000000000000000000000000000000000000000000000000000001'],
  ])('are refused on a real chain: %s', (_what, key) => {
    expect(problemsOf(() => load({ ...REAL, WALLET_DEV_PRIVATE_KEY: key.toUpperCase() }))).toEqual([
      PUBLIC_WORDS,
    ])
  })

  it('are fine on sandbox chains, embedded or not', () => {
    const key = { WALLET_DEV_PRIVATE_KEY: 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80' }
    expect(load(key).wallets).toHaveLength(1)
    expect(load({ ...key, SANDBOX_A_RPC_URL: 'http://localhost:8545' }).wallets).toHaveLength(1)
  })

  it('are found even when the endpoint of the real chain is wrong as well', () => {
    const env = {
      BASE_SEPOLIA_RPC_URL: 'nonsense',
      WALLET_DEV_PRIVATE_KEY: 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
    }
    expect(problemsOf(() => load(env))).toContain(PUBLIC_WORDS)
  })
})
