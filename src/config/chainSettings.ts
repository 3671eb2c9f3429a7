import { readEndpoints } from './endpoints.ts'
import type { Findings } from './findings.ts'
import { nearest } from './nearest.ts'
import { readProviderLimits } from './rateLimits.ts'
import type { ChainConfig, ChainForConfig } from './types.ts'
import { type Environment, given, text, wholeNumber } from './values.ts'
import { CONFIRMATIONS_SUFFIX, contractPart, endpointSuffixes, OWN_RATE_LIMIT_SUFFIX } from './variables.ts'

const DEPTH = { min: 1, max: 100_000 }
const ADDRESS = { evm: /^0x[0-9a-fA-F]{40}$/, solana: /^[1-9A-HJ-NP-Za-km-z]{32,44}$/ }

/**
 * The chains that the operator means to use: those given an endpoint, even a wrong one, less what
 * EVM_ENABLED_CHAINS leaves out.
 */
export function intendedChains(
  env: Environment,
  chains: readonly ChainForConfig[],
  findings: Findings,
): ChainForConfig[] {
  const enabled = enabledEvmChains(env, chains, findings)
  return chains.filter((chain) => {
    if (chain.family === 'evm' && enabled && !enabled.has(chain.id)) return false
    if (endpointSuffixes.some(({ suffix }) => given(env, `${chain.env}_${suffix}`) !== undefined)) return true
    const remedy = `set ${chain.env}_RPC_URL`
    if (enabled?.has(chain.id)) {
      findings.problem(`EVM_ENABLED_CHAINS names ${chain.name}, which has no endpoint: ${remedy}`)
    } else if (hasSettings(env, chain)) {
      findings.warning(`${chain.name} has settings but no endpoint, so they do nothing: ${remedy}`)
    }
    return false
  })
}

/** The settings of chains that are meant to be used; those without a single right endpoint are left out. */
export function readChains(
  env: Environment,
  intended: readonly ChainForConfig[],
  findings: Findings,
): ChainConfig[] {
  const floors = {
    ethereum: wholeNumber(env, 'MIN_CONFIRMATIONS_ETH', DEPTH, findings),
    solana: wholeNumber(env, 'MIN_CONFIRMATIONS_SOLANA', DEPTH, findings),
  }
  const limits = readProviderLimits(env, findings)
  return intended.flatMap((chain) => {
    const endpoints = readEndpoints(env, chain, limits, findings)
    const contracts = readContracts(env, chain, findings)
    const own = wholeNumber(env, `${chain.env}_${CONFIRMATIONS_SUFFIX}`, DEPTH, findings)
    const confirmations = own ?? floorFor(chain, floors)
    const settings = confirmations === undefined ? { contracts } : { contracts, confirmations }
    return endpoints.length === 0 ? [] : [{ chainId: chain.id, endpoints, ...settings }]
  })
}

/** Finds a chain by CAIP-2 id or alias, as the registry does, among the chains that may be configured. */
export function chainNamed(text: string, chains: readonly ChainForConfig[]): ChainForConfig | undefined {
  const name = text.toLowerCase()
  return chains.find((chain) => chain.id === text || chain.aliases.includes(name))
}

/** Ends a sentence about a chain name that is not known, with the nearest alias when there is one. */
export function knownChains(given: string, chains: readonly ChainForConfig[]): string {
  const aliases = chains.flatMap((chain) => chain.aliases)
  const guess = nearest(given.toLowerCase(), aliases, 2)
  return guess
    ? `not a chain that Bursar knows; did you mean ${guess.name}?`
    : `not a chain that Bursar knows; use one of ${chains.map((chain) => chain.aliases[0]).join(', ')}`
}

function hasSettings(env: Environment, chain: ChainForConfig): boolean {
  const sockets = endpointSuffixes.map(({ socket }) => socket)
  const suffixes = [CONFIRMATIONS_SUFFIX, OWN_RATE_LIMIT_SUFFIX, ...sockets]
  const names = new Set(suffixes.map((suffix) => `${chain.env}_${suffix}`))
  return Object.keys(env).some(
    (each) => (names.has(each) || contractPart(each, chain) !== undefined) && given(env, each) !== undefined,
  )
}

function floorFor(
  chain: ChainForConfig,
  floors: { readonly ethereum: number | undefined; readonly solana: number | undefined },
): number | undefined {
  if (chain.family === 'solana') return floors.solana
  return chain.env.startsWith('ETH_') ? floors.ethereum : undefined
}

function enabledEvmChains(
  env: Environment,
  chains: readonly ChainForConfig[],
  findings: Findings,
): ReadonlySet<string> | undefined {
  const value = text(env, 'EVM_ENABLED_CHAINS')
  if (value === undefined) return undefined
  const evm = chains.filter((chain) => chain.family === 'evm')
  const enabled = new Set<string>()
  for (const [index, entry] of value.split(',').entries()) {
    const chain = chainNamed(entry.trim(), evm)
    if (chain) enabled.add(chain.id)
    else if (entry.trim() !== '') {
      findings.problem(`EVM_ENABLED_CHAINS, entry ${index + 1}, is ${knownChains(entry.trim(), evm)}`)
    }
  }
  return enabled
}

function readContracts(env: Environment, chain: ChainForConfig, findings: Findings): Record<string, string> {
  const contracts: Record<string, string> = {}
  const known = Object.keys(chain.contracts)
  for (const variable of Object.keys(env)) {
    const part = contractPart(variable, chain)
    const address = part === undefined ? undefined : given(env, variable)
    if (part === undefined || address === undefined) continue
    if (!/^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*$/.test(part)) {
      findings.problem(`${variable} must name its contract in capital letters, digits and single underscores`)
      continue
    }
    if (!ADDRESS[chain.family].test(address)) {
      findings.problem(`${variable} must be a contract address on ${chain.name}`)
      continue
    }
    const key = camelCase(part)
    const guess = known.includes(key) ? undefined : nearest(key, known, 2)
    if (guess) findings.warning(`${variable} adds a contract "${key}"; did you mean "${guess.name}"?`)
    contracts[key] = address
  }
  return contracts
}

/** GAS_PRICE_ORACLE is gasPriceOracle in the registry. */
function camelCase(part: string): string {
  return part.toLowerCase().replace(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase())
}
