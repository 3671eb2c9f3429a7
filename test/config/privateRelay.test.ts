import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

const WALLET_KEY = '7a1c9e3b'.repeat(8)
const AUTH_KEY = 'c0ffee11'.repeat(8)
const BASE = {
  ETH_MAINNET_RPC_URL: 'https://node.example/v2',
  ALLOW_ENVIRONMENT_KEYS: 'true',
  WALLET_MAIN_PRIVATE_KEY: WALLET_KEY,
}
const KEYS_IN_ENVIRONMENT = expect.stringContaining('ALLOW_ENVIRONMENT_KEYS=true is for development')
const load = (env: Record<string, string>) => loadConfig({ ...BASE, ...env }, allChains)
const problems = (env: Record<string, string>) => problemsOf(() => load(env))

describe('D3: the private relay', () => {
  it('D3: is nobody without a key, and nothing goes public by itself', () => {
    const { privateRelay, policy, warnings } = load({})
    expect(privateRelay).toBeUndefined()
    expect(policy.privateFallbackBlocks).toBe(0)
    expect(warnings).toEqual([KEYS_IN_ENVIRONMENT])
  })

  it('D3: is Flashbots’ on Ethereum and Sepolia as soon as there is a key', () => {
    const { privateRelay } = load({ FLASHBOTS_AUTH_KEY: `0x${AUTH_KEY.toUpperCase()}` })
    expect(privateRelay?.authKey.reveal()).toBe(`0x${AUTH_KEY}`)
    expect(privateRelay?.urls.map(({ chain, url }) => [chain, url.reveal()])).toEqual([
      ['eip155:1', 'https://relay.flashbots.net'],
      ['eip155:11155111', 'https://relay-sepolia.flashbots.net'],
    ])
  })

  it('D3: is another one where the operator says so, by alias or id, and on this machine without encryption', () => {
    const FLASHBOTS_RELAY_URL = 'eip155:1=https://a.example/x?key=y, sandbox-a=http://127.0.0.1:8080'
    const { privateRelay } = load({ FLASHBOTS_AUTH_KEY: AUTH_KEY, FLASHBOTS_RELAY_URL })
    expect(privateRelay?.urls.map(({ chain, url }) => [chain, url.reveal()])).toEqual([
      ['eip155:1', 'https://a.example/x?key=y'],
      ['eip155:31337', 'http://127.0.0.1:8080'],
    ])
  })

  it('R6, T14: shows neither its key nor its URLs, in answers and in problems', () => {
    const FLASHBOTS_RELAY_URL = 'ethereum=https://a.example/s3cr3t'
    const shown = JSON.stringify(load({ FLASHBOTS_AUTH_KEY: AUTH_KEY, FLASHBOTS_RELAY_URL }))
    expect(shown).not.toMatch(/s3cr3t|c0ffee11/)
    const told = problems({ FLASHBOTS_AUTH_KEY: `${AUTH_KEY}0`, FLASHBOTS_RELAY_URL: 'ethereum=s3cr3t' })
    expect(told).toHaveLength(2)
    expect(told.join()).not.toMatch(/s3cr3t|c0ffee11/)
  })

  it('R6: has a key that no wallet has and nobody else knows', () => {
    expect(problems({ FLASHBOTS_AUTH_KEY: WALLET_KEY })).toEqual([
      'FLASHBOTS_AUTH_KEY is the key of the wallet "main": it must hold no funds; make a new one',
    ])
    expect(
      problems({
        FLASHBOTS_AUTH_KEY: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
      }),
    ).toEqual(['FLASHBOTS_AUTH_KEY is a development key: everybody knows it; make a new one'])
    for (const wrong of ['yes', '0'.repeat(64), 'f'.repeat(64), `${AUTH_KEY}ab`]) {
      expect(problems({ FLASHBOTS_AUTH_KEY: wrong }), wrong).toEqual([
        'FLASHBOTS_AUTH_KEY must be a private key of its own: 64 hex digits, with or without 0x',
      ])
    }
  })

  it.each([
    ['relay.flashbots.net', 'must look like ethereum=https://relay.flashbots.net'],
    ['ethereum=http://relay.example', 'must look like ethereum=https://relay.flashbots.net'],
    ['ethereum=https://user:pass@relay.example', 'must look like ethereum=https://relay.flashbots.net'],
    ['ethereum=ftp://relay.example', 'must look like ethereum=https://relay.flashbots.net'],
    ['etherum=https://relay.example', 'names what is not a chain that Bursar knows; did you mean ethereum?'],
    ['solana=https://relay.example', 'names what has no such relay'],
  ])('refuses %s', (FLASHBOTS_RELAY_URL, problem) => {
    expect(problems({ FLASHBOTS_AUTH_KEY: AUTH_KEY, FLASHBOTS_RELAY_URL })).toEqual([
      `FLASHBOTS_RELAY_URL, entry 1, ${problem}`,
    ])
  })

  it('refuses two relays for one chain', () => {
    const FLASHBOTS_RELAY_URL = 'ethereum=https://a.example,eip155:1=https://b.example'
    expect(problems({ FLASHBOTS_AUTH_KEY: AUTH_KEY, FLASHBOTS_RELAY_URL })).toEqual([
      'FLASHBOTS_RELAY_URL, entry 2, names the same chain a second time',
    ])
  })

  it('falls back only after as many blocks as are given', () => {
    const { policy } = load({ FLASHBOTS_AUTH_KEY: AUTH_KEY, PRIVATE_FALLBACK_BLOCKS: '12' })
    expect(policy.privateFallbackBlocks).toBe(12)
    expect(problems({ PRIVATE_FALLBACK_BLOCKS: 'never' })).toEqual([
      'PRIVATE_FALLBACK_BLOCKS must be a whole number from 0 to 100000',
    ])
  })

  it('says what does nothing without a key', () => {
    const env = { FLASHBOTS_RELAY_URL: 'ethereum=https://a.example', PRIVATE_FALLBACK_BLOCKS: '5' }
    expect(load(env).warnings).toEqual([
      KEYS_IN_ENVIRONMENT,
      'FLASHBOTS_RELAY_URL does nothing without FLASHBOTS_AUTH_KEY',
      'PRIVATE_FALLBACK_BLOCKS does nothing without FLASHBOTS_AUTH_KEY',
    ])
  })
})
