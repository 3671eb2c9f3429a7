import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { isBursarError } from '../../src/errors/bursarError.ts'

const BASE = {
  BASE_MAINNET_RPC_URL: 'https://node.example/v2',
  ALLOW_ENVIRONMENT_KEYS: 'true',
  WALLET_MAIN_PRIVATE_KEY: `${'7a1c9e3b'.repeat(8)}`,
}
const TENDERLY = { TENDERLY_API_KEY: 'k3y', TENDERLY_ACCOUNT: 'treasury', TENDERLY_PROJECT: 'payments' }
const load = (env: Record<string, string>) => loadConfig({ ...BASE, ...env }, allChains)

function problems(env: Record<string, string>): unknown {
  try {
    load(env)
  } catch (error) {
    return isBursarError(error, 'config_invalid') ? error.context.problems : error
  }
  return []
}

describe('D1: Tenderly', () => {
  it('is asked first as soon as it is configured, and nobody when it is not', () => {
    expect(load({}).tenderly).toBeUndefined()
    const { tenderly } = load(TENDERLY)
    expect(tenderly).toMatchObject({
      ...{ account: 'treasury', project: 'payments', order: 'tenderly,local' },
      apiUrl: 'https://api.tenderly.co',
    })
    expect(tenderly?.accessToken.reveal()).toBe('k3y')
  })

  it('needs all three of its variables, and says which are missing', () => {
    expect(problems({ TENDERLY_API_KEY: 'k3y', TENDERLY_PROJECT: 'payments' })).toEqual([
      'Tenderly needs TENDERLY_API_KEY, TENDERLY_ACCOUNT, TENDERLY_PROJECT; missing: TENDERLY_ACCOUNT',
    ])
  })

  it('D1: cannot be put behind on a main network, and may on a test network', () => {
    for (const order of ['local,tenderly', 'local']) {
      expect(problems({ ...TENDERLY, SIMULATION_BACKENDS: order })).toEqual([
        'SIMULATION_BACKENDS must begin with tenderly while it is configured and Base would be used',
      ])
    }
    const { BASE_MAINNET_RPC_URL: _none, ...wallet } = BASE
    const test = { ...wallet, BASE_SEPOLIA_RPC_URL: 'https://node.example/v2' }
    const { tenderly } = loadConfig(
      { ...test, ...TENDERLY, SIMULATION_BACKENDS: 'local, tenderly' },
      allChains,
    )
    expect(tenderly?.order).toBe('local,tenderly')
  })

  it('an order that is none is refused', () => {
    expect(problems({ SIMULATION_BACKENDS: 'flashbots' })).toEqual([
      'SIMULATION_BACKENDS must be one of tenderly,local | local,tenderly | local',
    ])
  })

  it('T13: goes to an https address without a path, or to this machine', () => {
    for (const url of [
      'http://api.tenderly.co',
      'https://api.tenderly.co/v1',
      'https://me@api.tenderly.co',
      'x',
    ]) {
      expect(problems({ ...TENDERLY, TENDERLY_API_URL: url })).toEqual([
        'TENDERLY_API_URL must be an https URL without a path, such as https://api.tenderly.co',
      ])
    }
    expect(load({ ...TENDERLY, TENDERLY_API_URL: 'http://127.0.0.1:8080' }).tenderly?.apiUrl).toBe(
      'http://127.0.0.1:8080',
    )
  })
})

describe('FINDINGS_ALLOWED', () => {
  it('names critical findings, in any case and with blanks', () => {
    expect(load({}).policy.findingsAllowed).toEqual([])
    expect(load({ FINDINGS_ALLOWED: 'Unlimited-Approval, delegation,' }).policy.findingsAllowed).toEqual([
      'unlimited-approval',
      'delegation',
    ])
  })

  it('names nothing else: what is no critical finding stops nothing', () => {
    expect(problems({ FINDINGS_ALLOWED: 'large-share' })).toEqual([
      expect.stringMatching(
        /^FINDINGS_ALLOWED names what is no critical finding; these are unlimited-approval, /,
      ),
    ])
  })
})
