import { Secret } from '../primitives/secret.ts'
import type { Findings } from './findings.ts'
import { isPublicKnowledge } from './publicKeys.ts'
import { readRemoteWallet, readWalletChains, walletName } from './remoteWallets.ts'
import type { ChainForConfig, Config, WalletConfig } from './types.ts'
import { choice, type Environment, given } from './values.ts'
import { walletVariable } from './variables.ts'

// Order of the secp256k1 group (SEC 2, section 2.4.1): keys are from 1 to one below it.
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/
export const MAX_NAME_LENGTH = 32

type Wallets = Pick<Config, 'wallets' | 'remoteWallets' | 'walletChains'>

/** What the environment says of wallets. `realChains` are those where money has value to somebody. */
export function readWallets(
  env: Environment,
  chains: readonly ChainForConfig[],
  realChains: readonly string[],
  findings: Findings,
): Wallets {
  const wallets = readKeys(env, realChains, findings)
  const parts = new Set(Object.keys(env).flatMap((variable) => walletVariable(variable)?.part ?? []))
  const remoteWallets = [...parts].sort().flatMap((part) => readRemoteWallet(env, part, findings) ?? [])
  for (const { name } of remoteWallets) {
    if (wallets.some((wallet) => wallet.name === name))
      findings.problem(`the wallet "${name}" has a key in the environment and a remote signer; unset one`)
  }
  const walletChains = new Map([...parts].flatMap((part) => readWalletChains(env, part, chains, findings)))
  return { wallets, remoteWallets, walletChains }
}

/** The keys of WALLET_<NAME>_PRIVATE_KEY. */
function readKeys(env: Environment, realChains: readonly string[], findings: Findings): WalletConfig[] {
  const allowed = choice(env, 'ALLOW_ENVIRONMENT_KEYS', ['true', 'false'], findings) === 'true'
  const wallets: WalletConfig[] = []
  const names = new Map<string, string>()
  const keys = new Map<string, string>()
  for (const { variable, part, value } of givenKeys(env)) {
    const name = walletName(part)
    const key = normalised(value)
    const wrong = nameProblem(name, names) ?? (key === undefined ? FORM : keyProblem(key, keys, realChains))
    names.set(name, variable)
    if (wrong !== undefined || key === undefined) {
      findings.problem(`${variable} ${wrong}`)
      continue
    }
    keys.set(key, variable)
    wallets.push({ name, privateKey: new Secret(key) })
    if (!allowed) findings.problem(`${variable} ${notAllowed(name)}`)
  }
  if (allowed && wallets.length > 0) findings.warning(inEnvironment(wallets))
  return wallets
}

function givenKeys(env: Environment) {
  return Object.keys(env)
    .sort()
    .flatMap((variable) => {
      const { part, suffix } = walletVariable(variable) ?? {}
      const value = suffix === 'PRIVATE_KEY' ? given(env, variable) : undefined
      return part === undefined || value === undefined ? [] : [{ variable, part, value }]
    })
}

const notAllowed = (name: string) =>
  `holds a key where other programs can read it: run "bursar wallet import ${name}" and unset it, or set ALLOW_ENVIRONMENT_KEYS=true for development`

function inEnvironment(wallets: readonly WalletConfig[]): string {
  const names = wallets.map(({ name }) => name).join(', ')
  return `ALLOW_ENVIRONMENT_KEYS=true is for development: other programs can read the keys of ${names}; "bursar wallet import" encrypts them`
}

/** Whether a text is a name that a wallet may have. */
export function isWalletName(text: string, most = MAX_NAME_LENGTH): boolean {
  return NAME.test(text) && text.length <= most
}

const FORM = 'must be a private key: 64 hex digits, with or without 0x'

function normalised(value: string): string | undefined {
  const hex = value.replace(/^0x/i, '').toLowerCase()
  return /^[0-9a-f]{64}$/.test(hex) ? `0x${hex}` : undefined
}

/** The key that a text spells, 0x and 64 lower-case hex digits; undefined when no key is spelt so. */
export function privateKeyOf(text: string): string | undefined {
  const key = normalised(text)
  return key !== undefined && isKey(key) ? key : undefined
}

function isKey(key: string): boolean {
  const number = BigInt(key)
  return number > 0n && number < CURVE_ORDER
}

export function nameProblem(name: string, names: ReadonlyMap<string, string>): string | undefined {
  if (!isWalletName(name)) {
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
  if (!isKey(key)) return 'is not a valid secp256k1 private key'
  const other = keys.get(key)
  // Two names for one account would give it two sets of limits.
  if (other !== undefined) return `and ${other} hold the same key`
  if (realChains.length > 0 && isPublicKnowledge(key)) {
    return `is a development key: this key is public, everybody can spend from it, and ${realChains.join(', ')} would be used with it`
  }
  return undefined
}
