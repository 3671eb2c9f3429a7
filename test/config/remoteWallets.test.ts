import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

const load = (env: Record<string, string>) => loadConfig(env, allChains)
const problems = (env: Record<string, string>) => problemsOf(() => load(env))
const ADDRESS = '0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F'
const SIGNER = {
  WALLET_HOT_ONE_REMOTE_URL: 'https://ops:canary-word@signer.example:9000/v1',
  WALLET_HOT_ONE_ADDRESS: ADDRESS,
}

describe('F1: WALLET_<NAME>_REMOTE_URL', () => {
  it('T15: names a signer, its account and what it is identified with, and shows the host only', () => {
    const config = load({
      ...SIGNER,
      WALLET_HOT_ONE_REMOTE_TOKEN_FILE: '/etc/token',
      WALLET_HOT_ONE_REMOTE_CERT_FILE: '/etc/cert',
      WALLET_HOT_ONE_REMOTE_KEY_FILE: '/etc/key',
      WALLET_HOT_ONE_REMOTE_CA_FILE: '/etc/ca',
    })
    const [{ url, ...shown } = { url: undefined }] = config.remoteWallets
    expect(shown).toEqual({
      ...{ name: 'hot-one', address: ADDRESS, host: 'signer.example:9000' },
      ...{ tokenFile: '/etc/token', certFile: '/etc/cert', keyFile: '/etc/key', caFile: '/etc/ca' },
    })
    expect(url?.reveal()).toBe(SIGNER.WALLET_HOT_ONE_REMOTE_URL)
    expect(inspect(config, { depth: 10, showHidden: true })).not.toContain('canary')
    expect(config.warnings).toEqual([])
  })

  it('may be plain HTTP in the private network only', () => {
    const at = (url: string) => ({ ...SIGNER, WALLET_HOT_ONE_REMOTE_URL: url })
    for (const near of ['http://127.0.0.1:9000', 'http://signer:9000', 'http://10.0.0.7'])
      expect(load(at(near)).remoteWallets).toHaveLength(1)
    for (const far of ['http://signer.example', 'ftp://signer', 'signer:9000', 'https://'])
      expect(problems(at(far))).toEqual([
        'WALLET_HOT_ONE_REMOTE_URL must be an https URL, or http in this network',
      ])
  })

  it.each([
    [
      { WALLET_A_REMOTE_URL: 'https://s.example' },
      'WALLET_A_ADDRESS must be the address of the account that the signer has the key of',
    ],
    [
      { ...SIGNER, WALLET_HOT_ONE_ADDRESS: '0x12' },
      'WALLET_HOT_ONE_ADDRESS must be the address of the account that the signer has the key of',
    ],
    [{ WALLET_A_ADDRESS: ADDRESS }, 'WALLET_A_REMOTE_URL is missing: the wallet has settings of a signer'],
    [
      { WALLET_A_REMOTE_CA_FILE: '/ca' },
      'WALLET_A_REMOTE_URL is missing: the wallet has settings of a signer',
    ],
    [
      { ...SIGNER, WALLET_HOT_ONE_REMOTE_CERT_FILE: '/c' },
      'WALLET_HOT_ONE_REMOTE_CERT_FILE and WALLET_HOT_ONE_REMOTE_KEY_FILE belong together',
    ],
    [
      { ...SIGNER, WALLET_HOT_ONE_REMOTE_TOKEN_FILE: 'token' },
      'WALLET_HOT_ONE_REMOTE_TOKEN_FILE must be an absolute path, or one that starts with ~/',
    ],
    [
      { WALLET_A_CHAINS: 'base,bsae' },
      expect.stringMatching(/^WALLET_A_CHAINS, entry 2, is not a chain that Bursar knows; did you mean base/),
    ],
    [
      { KEYSTORE_PASSWORD_FILE: 'password' },
      'KEYSTORE_PASSWORD_FILE must be an absolute path, or one that starts with ~/',
    ],
  ] as const)('says what is wrong: %j', (env, problem) => {
    expect(problems(env)).toEqual([problem])
  })

  it('one wallet has one key', () => {
    const both = {
      ALLOW_ENVIRONMENT_KEYS: 'true',
      WALLET_HOT_ONE_PRIVATE_KEY: '7a1c9e3b'.repeat(8),
      ...SIGNER,
    }
    expect(problems(both)).toEqual([
      'the wallet "hot-one" has a key in the environment and a remote signer; unset one',
    ])
  })
})

it('F1: WALLET_<NAME>_CHAINS names chains by alias or id, for a wallet of any kind', () => {
  const { walletChains } = load({ WALLET_MAIN_CHAINS: 'base, eip155:1', WALLET_HOT_ONE_CHAINS: 'opbnb' })
  expect([...walletChains]).toEqual([
    ['main', ['eip155:8453', 'eip155:1']],
    ['hot-one', ['eip155:204']],
  ])
})

describe('R6: keys in the environment', () => {
  const KEY = { WALLET_MAIN_PRIVATE_KEY: '7a1c9e3b'.repeat(8) }
  it.each([{}, { ALLOW_ENVIRONMENT_KEYS: 'false' }])('are refused, with what to do instead: %j', (env) => {
    expect(problems({ ...KEY, ...env })).toEqual([
      'WALLET_MAIN_PRIVATE_KEY holds a key where other programs can read it: run "bursar wallet import main" and unset it, or set ALLOW_ENVIRONMENT_KEYS=true for development',
    ])
  })

  it('are taken for development, with a warning', () => {
    const { wallets, warnings } = load({ ...KEY, ALLOW_ENVIRONMENT_KEYS: 'true' })
    expect(wallets.map(({ name }) => name)).toEqual(['main'])
    expect(warnings).toEqual([
      'ALLOW_ENVIRONMENT_KEYS=true is for development: other programs can read the keys of main; "bursar wallet import" encrypts them',
    ])
    expect(problems({ ALLOW_ENVIRONMENT_KEYS: 'yes' })).toEqual([
      'ALLOW_ENVIRONMENT_KEYS must be one of true, false',
    ])
  })
})
