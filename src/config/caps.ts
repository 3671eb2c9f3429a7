import { chainNamed, knownChains } from './chainSettings.ts'
import type { Findings } from './findings.ts'
import type { ChainForConfig, PerTransactionCap } from './types.ts'
import { type Environment, text } from './values.ts'

const ENTRY = /^([^/=]+)\/([A-Za-z0-9.]{1,44})=(\d{1,60}(?:\.\d{1,18})?)$/
const GWEI = /^\d{1,12}(?:\.\d{1,9})?$/

/** Decimal text in gwei, exact to the wei and above zero; undefined when it is wrong. */
export function readGasPriceCap(env: Environment, findings: Findings): string | undefined {
  const value = text(env, 'MAX_GAS_PRICE_GWEI') ?? ''
  if (GWEI.test(value) && /[1-9]/.test(value)) return value
  findings.problem('MAX_GAS_PRICE_GWEI must be a decimal number above 0 with at most 9 decimals, such as 500')
  return undefined
}

/** The most that one transaction may move, by chain and asset. */
export function readCaps(
  env: Environment,
  chains: readonly ChainForConfig[],
  findings: Findings,
): PerTransactionCap[] {
  const caps = new Map<string, PerTransactionCap>()
  const entries = (text(env, 'MAX_PER_TRANSACTION') ?? '').split(',')
  for (const [index, entry] of entries.entries()) {
    const where = `MAX_PER_TRANSACTION, entry ${index + 1},`
    const [, name, asset, max] = ENTRY.exec(entry.trim()) ?? []
    if (name === undefined || asset === undefined || max === undefined) {
      findings.problem(`${where} must look like base/USDC=500 or */native=10`)
      continue
    }
    const chain = name === '*' ? '*' : chainNamed(name, chains)?.id
    if (chain === undefined) {
      findings.problem(`${where} names what is ${knownChains(name, chains)}`)
      continue
    }
    const cap = { chain, asset: asset.toLowerCase() === 'native' ? 'native' : asset, max }
    const key = `${cap.chain}/${cap.asset.toLowerCase()}`
    if (caps.has(key)) findings.problem(`${where} caps the same asset of the same chain a second time`)
    caps.set(key, cap)
  }
  return [...caps.values()]
}
