import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { documentedVariables } from '../../src/config/variables.ts'
import { isBursarError } from '../../src/errors/bursarError.ts'

const KEY = '7a1c9e3b5d2f48607a1c9e3b5d2f48607a1c9e3b5d2f48607a1c9e3b5d2fCA4A'
const CANARY = 'cANaRy7a1c9e3b5d2f'

describe('secrets are never echoed (R6, T14, T15)', () => {
  it('hides keys and URLs in the configuration, however it is printed', () => {
    const config = loadConfig(
      {
        ALLOW_ENVIRONMENT_KEYS: 'true',
        WALLET_MAIN_PRIVATE_KEY: KEY,
        BASE_MAINNET_RPC_URL: `http://node.example:8080/v2/${CANARY}?key=${CANARY}`,
        BASE_MAINNET_WS_URL: `wss://node.example:8080/v2/${CANARY}?key=${CANARY}`,
        BASE_MAINNET_RPC_ALCHEMY: `https://base-mainnet.g.alchemy.com/v2/${CANARY}`,
        BASE_MAINET_RPC_URL: `https://node.example/${CANARY}`,
        WALLET_PRIVATE_KEY: KEY,
      },
      allChains,
    )
    expect(config.wallets[0]?.privateKey.reveal()).toBe(`0x${KEY.toLowerCase()}`)
    expect(config.warnings).toHaveLength(4)
    expectNoSecrets([
      JSON.stringify(config),
      inspect(config, { depth: 20, showHidden: true }),
      String(config.wallets[0]?.privateKey),
      `${config.chains[0]?.endpoints[0]?.url}`,
    ])
  })

  it('hides a value that is wrong, in whichever variable it was put', () => {
    for (const value of [
      KEY,
      `0x${KEY}`,
      `${KEY} `,
      `wss://node.example/${CANARY}`,
      CANARY,
      `https://:${CANARY}`,
    ]) {
      for (const name of documentedVariables(allChains)) {
        const error = failure({ [name]: value, BASE_MAINNET_RPC_URL: value, LOG_LEVEL: value })
        expectNoSecrets([
          inspect(error, { depth: 20, showHidden: true }),
          JSON.stringify(error),
          String(error),
          JSON.stringify(isBursarError(error) ? [error.message, error.fix, error.context] : []),
        ])
      }
    }
  })
})

function failure(env: Record<string, string>): unknown {
  try {
    loadConfig(env, allChains)
  } catch (error) {
    return error
  }
  throw new Error('the configuration was accepted')
}

function expectNoSecrets(outputs: readonly string[]) {
  for (const output of outputs) {
    expect(output.length).toBeGreaterThan(0)
    expect(output.toLowerCase()).not.toContain('7a1c9e3b5d2f')
  }
}
