import { describe, expect, it } from 'vitest'
import { allChains } from '../../src/chains/allChains.ts'
import { loadConfig } from '../../src/config/loadConfig.ts'
import { problemsOf } from './problems.ts'

const load = (env: Record<string, string | undefined>) => loadConfig(env, allChains)
const BASE = { BASE_MAINNET_RPC_URL: 'https://node.example' }

describe('misspelt names', () => {
  it.each([
    ['MAX_GAS_PRICE_GWIE', 'MAX_GAS_PRICE_GWEI'],
    ['MAX_PER_TRANSACTON', 'MAX_PER_TRANSACTION'],
    ['SIMULATION_REQUIERD', 'SIMULATION_REQUIRED'],
    ['EVM_ENABLE_CHAINS', 'EVM_ENABLED_CHAINS'],
    ['BURSAR_HOEM', 'BURSAR_HOME'],
  ])('%s is a problem: a limit that is silently ignored is worse than a refusal', (name, meant) => {
    expect(problemsOf(() => load({ ...BASE, [name]: '1' }))).toEqual([
      `${name} is not a variable that Bursar reads; did you mean ${meant}?`,
    ])
  })

  it('a misspelt endpoint is a problem when the sandbox would take its place', () => {
    expect(problemsOf(() => load({ BASE_SEPOLA_RPC_URL: 'https://node.example' }))).toEqual([
      'BASE_SEPOLA_RPC_URL is not a variable that Bursar reads; did you mean BASE_SEPOLIA_RPC_URL?',
    ])
  })

  it.each([
    ['BASE_SEPOLA_RPC_URL', '; did you mean BASE_SEPOLIA_RPC_URL?'],
    ['BSC_MAINNET_RPC_URL', '; did you mean BNB_MAINNET_RPC_URL?'],
    ['ETHEREUM_RPC_URL', '; did you mean ETH_MAINNET_RPC_URL?'],
    ['BASE_RPC_ALCHEMY', '; did you mean BASE_MAINNET_RPC_ALCHEMY?'],
    ['SOLANA_DEVNET_RPC_URL', '; did you mean SOL_DEVNET_RPC_URL?'],
    ['RPC_TIMEOUT_M', '; did you mean RPC_TIMEOUT_MS?'],
    ['LOGLEVEL', '; did you mean LOG_LEVEL?'],
    ['AVALANCHE_RPC_URL', ''],
    ['BASE_MAINNET_EXPLORER', ''],
  ])('%s may belong to another program and is a warning', (name, hint) => {
    expect(load({ ...BASE, [name]: 'x' }).warnings).toEqual([
      `${name} is ignored: Bursar does not read it${hint}`,
    ])
  })

  it('says how a wallet is named', () => {
    expect(load({ WALLET_PRIVATE_KEY: 'x' }).warnings).toEqual([
      'WALLET_PRIVATE_KEY is ignored: keys belong into keystores; run "bursar wallet import NAME"',
    ])
  })

  it('an unknown BURSAR_ name is a problem even when nothing is near it', () => {
    expect(problemsOf(() => load({ BURSAR_TURBO: '1' }))).toEqual([
      'BURSAR_TURBO is not a variable that Bursar reads',
    ])
  })

  it('leaves the usual environment alone', () => {
    const usual =
      'PATH HOME USER SHELL LANG TERM PWD EDITOR TZ CI NODE_ENV NODE_OPTIONS npm_config_cache MAX_JOBS DATABASE_URL PORT DEBUG LOG_FILE HTTP_PROXY'
    expect(load(Object.fromEntries(usual.split(' ').map((name) => [name, 'x']))).warnings).toEqual([])
  })
})
