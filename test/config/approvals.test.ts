import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

const load = (env: Record<string, string | undefined>) => loadConfig(env, allChains)
const KEY = 'ab'.repeat(32)

describe('F4: thresholds of approval', () => {
  it('are read like the caps, and there are none unless they are set', () => {
    expect(load({}).policy).not.toHaveProperty('approvalAbove')
    expect(load({}).policy).not.toHaveProperty('elicitUpTo')
    const { policy, warnings } = load({
      APPROVAL_ABOVE: '*/native=1,base/USDC=50',
      ELICIT_UP_TO: 'base/USDC=100',
    })
    expect(policy.approvalAbove).toEqual([
      { chain: '*', asset: 'native', max: '1' },
      { chain: 'eip155:8453', asset: 'USDC', max: '50' },
    ])
    expect(policy.elicitUpTo).toEqual([{ chain: 'eip155:8453', asset: 'USDC', max: '100' }])
    expect(warnings).toEqual([])
  })

  it.each(['APPROVAL_ABOVE', 'ELICIT_UP_TO'])('names %s when it is wrong', (name) => {
    expect(problemsOf(() => load({ [name]: 'base/USDC' }))).toEqual([
      `${name}, entry 1, must look like base/USDC=500 or */native=10`,
    ])
  })

  it('warns of an ELICIT_UP_TO that has nothing to be above', () => {
    expect(load({ ELICIT_UP_TO: '*/native=1' }).warnings).toEqual([
      'ELICIT_UP_TO does nothing: without APPROVAL_ABOVE no payment needs an approval',
    ])
  })
})

describe('how approvals are given', () => {
  it('has a time of its own, and keys when they are pinned', () => {
    expect(load({}).approvals).toEqual({ ttlSeconds: 3600 })
    const env = { APPROVAL_TTL_SECONDS: '86400', APPROVER_KEYS: `0x${KEY.toUpperCase()}, ${'0c'.repeat(32)}` }
    expect(problemsOf(() => load({ APPROVER_KEYS: `${KEY}0` }))).toEqual([
      'APPROVER_KEYS, entry 1, must be what "bursar approvals key" prints: 64 hex digits',
    ])
    expect(load(env).approvals).toEqual({ ttlSeconds: 86_400, keys: [KEY, '0c'.repeat(32)] })
  })

  it.each(['9', '604801', 'soon'])('refuses APPROVAL_TTL_SECONDS=%s', (value) => {
    expect(problemsOf(() => load({ APPROVAL_TTL_SECONDS: value }))).toEqual([
      'APPROVAL_TTL_SECONDS must be a whole number from 10 to 604800',
    ])
  })
})
