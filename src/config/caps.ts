import { chainNamed, knownChains } from './chainSettings.ts'
import type { Findings } from './findings.ts'
import type { BalanceFloor, ChainForConfig, FeeCap, PerTransactionCap } from './types.ts'
import { type Environment, text } from './values.ts'
import { DEFAULT_FEE_CAP, type VariableName } from './variables.ts'

const ENTRY = /^([^/=]+)\/([A-Za-z0-9.]{1,44})=(\d{1,60}(?:\.\d{1,18})?)$/
const NATIVE_ENTRY = /^([^/=]+)=(\d{1,60}(?:\.\d{1,18})?)$/
const PERCENT = /^\d{1,2}(?:\.\d{1,2})?$/
const GWEI = /^\d{1,12}(?:\.\d{1,9})?$/

/** Decimal text in gwei, exact to the wei and above zero; undefined when it is wrong. */
export function readGasPriceCap(env: Environment, findings: Findings): string | undefined {
  const value = text(env, 'MAX_GAS_PRICE_GWEI') ?? ''
  if (GWEI.test(value) && /[1-9]/.test(value)) return value
  findings.problem('MAX_GAS_PRICE_GWEI must be a decimal number above 0 with at most 9 decimals, such as 500')
  return undefined
}

/** Decimal text: how much worse than shown a transaction may do, in per cent. */
export function readSlippage(env: Environment, findings: Findings): string | undefined {
  const value = text(env, 'MAX_SLIPPAGE_PERCENT') ?? ''
  if (PERCENT.test(value) && Number(value) <= 50) return value
  findings.problem('MAX_SLIPPAGE_PERCENT must be a decimal number from 0 to 50 with at most 2 decimals')
  return undefined
}

/** Amounts by chain and asset, such as the most that one transaction may move; empty when there is none. */
export function readCaps(
  env: Environment,
  name: 'MAX_PER_TRANSACTION' | 'APPROVAL_ABOVE' | 'ELICIT_UP_TO',
  chains: readonly ChainForConfig[],
  findings: Findings,
): PerTransactionCap[] {
  const caps = new Map<string, PerTransactionCap>()
  if (text(env, name) === undefined) return []
  for (const { where, entry } of entriesOf(env, name)) {
    const [, place, asset, max] = ENTRY.exec(entry) ?? []
    if (place === undefined || asset === undefined || max === undefined) {
      findings.problem(`${where} must look like base/USDC=500 or */native=10`)
      continue
    }
    const chain = placeOf(place, where, chains, findings)
    if (chain === undefined) continue
    const cap = { chain, asset: asset.toLowerCase() === 'native' ? 'native' : asset, max }
    const key = `${cap.chain}/${cap.asset.toLowerCase()}`
    if (caps.has(key)) findings.problem(`${where} caps the same asset of the same chain a second time`)
    caps.set(key, cap)
  }
  return [...caps.values()]
}

/** The most that one transaction may pay for gas, by chain; chains that are not named keep the default (T35). */
export function readFeeCaps(
  env: Environment,
  chains: readonly ChainForConfig[],
  findings: Findings,
): FeeCap[] {
  const caps = readByChain(env, 'MAX_FEE_PER_TRANSACTION', chains, findings)
  if (!caps.has('*')) caps.set('*', DEFAULT_FEE_CAP)
  return [...caps].map(([chain, max]) => ({ chain, max }))
}

/** The least that wallets should have for gas, by chain; none when unset. */
export function readBalanceFloors(
  env: Environment,
  chains: readonly ChainForConfig[],
  findings: Findings,
): BalanceFloor[] {
  if (text(env, 'MIN_NATIVE_BALANCE') === undefined) return []
  return [...readByChain(env, 'MIN_NATIVE_BALANCE', chains, findings)].map(([chain, min]) => ({ chain, min }))
}

/** Amounts in whole native units, by CAIP-2 id or `*`. */
function readByChain(
  env: Environment,
  name: VariableName,
  chains: readonly ChainForConfig[],
  findings: Findings,
): Map<string, string> {
  const amounts = new Map<string, string>()
  for (const { where, entry } of entriesOf(env, name)) {
    const [, place, amount] = NATIVE_ENTRY.exec(entry) ?? []
    if (place === undefined || amount === undefined) {
      findings.problem(`${where} must look like base=0.01 or *=0.1`)
      continue
    }
    const chain = placeOf(place, where, chains, findings)
    if (chain === undefined) continue
    if (amounts.has(chain)) findings.problem(`${where} names the same chain a second time`)
    amounts.set(chain, amount)
  }
  return amounts
}

function entriesOf(env: Environment, name: VariableName): readonly { where: string; entry: string }[] {
  return (text(env, name) ?? '').split(',').map((entry, index) => {
    return { where: `${name}, entry ${index + 1},`, entry: entry.trim() }
  })
}

/** `*` or the id of the chain that is meant; a finding when there is none. */
function placeOf(
  name: string,
  where: string,
  chains: readonly ChainForConfig[],
  findings: Findings,
): string | undefined {
  if (name === '*') return '*'
  const chain = chainNamed(name, chains)?.id
  if (chain === undefined) findings.problem(`${where} names what is ${knownChains(name, chains)}`)
  return chain
}
