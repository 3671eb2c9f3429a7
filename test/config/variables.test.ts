import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { createRegistry } from '../../src/chains/registry.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { defaultOf, documentedVariables, fixedVariables, isFixed } from '../../src/config/variables.ts'

const LINE = /^# ([A-Z][A-Z0-9_]*)=(.*)$/gm
const example = readFileSync('.env.example', 'utf8')
const lines = [...example.matchAll(LINE)].map(([, name, value]) => ({ name: name ?? '', value: value ?? '' }))

describe('.env.example', () => {
  it('documents every variable of the table, and no other', () => {
    const documented = lines.map(({ name }) => name).toSorted()
    expect(documented).toEqual(documentedVariables(allChains).toSorted())
    // 47 of Bursar, 12 for each of 18 chains, 11 samples of names that the operator composes.
    expect(documented).toHaveLength(47 + 12 * 18 + 11)
  })

  it('shows the defaults that hold', () => {
    for (const name of Object.keys(fixedVariables).filter(isFixed)) {
      const shown = lines.find((line) => line.name === name)?.value
      if (!name.startsWith('MIN_CONFIRMATIONS_')) expect(shown, name).toBe(defaultOf(name) ?? '')
    }
    for (const chain of createRegistry().all()) {
      const shown = lines.find((line) => line.name === `${chain.env}_CONFIRMATIONS`)?.value
      expect(shown, chain.name).toBe(String(chain.confirmations))
    }
    expect(lines).toContainEqual({ name: 'MIN_CONFIRMATIONS_ETH', value: '12' })
    expect(lines).toContainEqual({ name: 'MIN_CONFIRMATIONS_SOLANA', value: '32' })
  })

  it('is a configuration that Bursar accepts when its chains are taken out of comments', () => {
    const env = Object.fromEntries(lines.map(({ name, value }) => [name, value]))
    const config = loadConfig({ ...env, SANDBOX_STATE_DIR: '' }, allChains)
    expect(config.chains).toHaveLength(16)
    expect(config.warnings.filter((warning) => !warning.startsWith('Sandbox '))).toEqual([])
  })
})

describe('loadConfig', () => {
  it('reads every variable of the table, and no other', () => {
    const read = new Set<string>()
    const values: Record<string, string> = {
      BASE_SEPOLIA_CONTRACT_MULTICALL3: '0xcA11bde05977b3631167028862bE2a173976CA11',
      ALLOW_ENVIRONMENT_KEYS: 'true',
      WALLET_VAULT_OWNER: 'main',
      WALLET_VAULT_SALT: '7',
      WALLET_MAIN_PRIVATE_KEY: '1f1e1d1c1b1a19181716151413121110f0e0d0c0b0a090807060504030201001',
    }
    for (const chain of allChains) values[`${chain.env}_RPC_URL`] = 'https://node.example'
    const recording = new Proxy(values, {
      get(target, name) {
        read.add(String(name))
        return target[String(name)]
      },
    })
    loadConfig(recording, allChains)
    expect([...read].toSorted()).toEqual(documentedVariables(allChains).toSorted())
  })
})
