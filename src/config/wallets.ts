import { Secret } from '../primitives/secret.ts'
import type { Findings } from './findings.ts'
import { isPublicKnowledge } from './publicKeys.ts'
import type { WalletConfig } from './types.ts'
import { type Environment, given } from './values.ts'
import { walletPart } from './variables.ts'

// Order of the secp256k1 group (SEC 2, section 2.4.1): keys are from 1 to one below it.
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
const MAX_NAME_LENGTH = 32

/** The wallets of WALLET_<NAME>_PRIVATE_KEY. `realChains` are those where money has value to somebody. */
export function readWallets(
  env: Environment,
  realChains: readonly string[],
  findings: Findings,
): WalletConfig[] {
  const wallets: WalletConfig[] = []
  const names = new Map<string, string>()
  const keys = new Map<string, string>()
  for (const variable of Object.keys(env).sort()) {
    const part = walletPart(variable)
    const value = part === undefined ? undefined : given(env, variable)
    if (part === undefined || value === undefined) continue
    const name = part.toLowerCase().replaceAll('_', '-')
    const key = normalised(value)
    const wrong = nameProblem(name, names) ?? (key === undefined ? FORM : keyProblem(key, keys, realChains))
    names.set(name, variable)
    if (wrong !== undefined || key === undefined) {
      findings.problem(`${variable} ${wrong}`)
      continue
    }
    keys.set(key, variable)
    wallets.push({ name, privateKey: new Secret(key) })
  }
  return wallets
}

const FORM = 'must be a private key: 64 hex digits, with or without 0x'

function normalised(value: string): string | undefined {
  const hex = value.replace(/^0x/i, '').toLowerCase()
  return /^[0-9a-f]{64}$/.test(hex) ? `0x${hex}` : undefined
}

function nameProblem(name: string, names: ReadonlyMap<string, string>): string | undefined {
  if (!NAME.test(name) || name.length > MAX_NAME_LENGTH) {
    return `must name its wallet with at most ${MAX_NAME_LENGTH} letters and digits, parted by single underscores`
  }
  const other = names.get(name)
  return other === undefined ? undefined : `and ${other} name the same wallet "${name}"`
}

function keyProblem(
  key: string,
  keys: ReadonlyMap<string, string>,
  realChains: readonly string[],
): string | undefined {
  const number = BigInt(key)
  if (number === 0n || number >= CURVE_ORDER) return 'is not a valid secp256k1 private key'
  const other = keys.get(key)
  // Two names for one account would give it two sets of limits.
  if (other !== undefined) return `and ${other} hold the same key`
  if (realChains.length > 0 && isPublicKnowledge(key)) {
    return `is a development key: this key is public, everybody can spend from it, and ${realChains.join(', ')} would be used with it`
  }
  return undefined
}
