import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

const KEY = '1f1e1d1c1b1a19181716151413121110f0e0d0c0b0a090807060504030201001'
const load = (env: Record<string, string | undefined>) =>
  loadConfig({ WALLET_MAIN_PRIVATE_KEY: KEY, ALLOW_ENVIRONMENT_KEYS: 'true', ...env }, allChains)

describe('WALLET_<NAME>_OWNER and _SALT (F1)', () => {
  it('make contract accounts of wallets, with the salt 0 where none is given', () => {
    const { accounts, warnings } = load({
      WALLET_VAULT_OWNER: 'Main',
      WALLET_HOT_VAULT_OWNER: ' main ',
      WALLET_HOT_VAULT_SALT: '115792089237316195423570985008687907853269984665640564039457584007913129639935',
      WALLET_UNUSED_OWNER: '',
    })
    expect(accounts).toEqual([
      { name: 'hot-vault', owner: 'main', salt: 2n ** 256n - 1n },
      { name: 'vault', owner: 'main', salt: 0n },
    ])
    expect(warnings).toEqual([expect.stringContaining('ALLOW_ENVIRONMENT_KEYS=true')])
    expect(load({}).accounts).toEqual([])
  })

  it('need an owner', () => {
    expect(problemsOf(() => load({ WALLET_VAULT_OWNER: 'no body' }))).toEqual([
      'WALLET_VAULT_OWNER must name the wallet whose key signs for it',
    ])
    expect(problemsOf(() => load({ WALLET_VAULT_SALT: '1' }))).toEqual([
      'WALLET_VAULT_SALT needs WALLET_VAULT_OWNER, the wallet whose key signs for the account',
    ])
  })

  it.each(['-1', '1.5', '0x1', 'one', `${2n ** 256n}`])('refuse the salt %s', (salt) => {
    expect(problemsOf(() => load({ WALLET_VAULT_OWNER: 'main', WALLET_VAULT_SALT: salt }))).toEqual([
      'WALLET_VAULT_SALT must be a whole number below 2^256',
    ])
  })

  it('refuse a name that a wallet has, and one account under two names, which would have two sets of limits', () => {
    expect(problemsOf(() => load({ WALLET_MAIN_OWNER: 'main' }))).toEqual([
      'WALLET_MAIN_OWNER and a wallet with a key name the same wallet "main"',
    ])
    expect(
      problemsOf(() => load({ WALLET_A_OWNER: 'main', WALLET_B_OWNER: 'main', WALLET_B_SALT: '00' })),
    ).toEqual(['WALLET_B_OWNER and WALLET_A_OWNER are one account: give one of them a WALLET_<NAME>_SALT'])
  })
})
