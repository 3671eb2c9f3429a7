import { Secret } from '../primitives/secret.ts'
import { readChainUrls } from './chainUrls.ts'
import type { Findings } from './findings.ts'
import { isPublicKnowledge } from './publicKeys.ts'
import type { ChainForConfig, PrivateRelayConfig, WalletConfig } from './types.ts'
import { type Environment, given, text } from './values.ts'
import { defaultOf } from './variables.ts'
import { privateKeyOf } from './wallets.ts'

const RELAYS = {
  name: 'FLASHBOTS_RELAY_URL',
  example: 'ethereum=https://relay.flashbots.net',
  what: 'relay',
} as const

/** Undefined when no key is configured, or something is wrong and reported. */
export function readPrivateRelay(
  env: Environment,
  chains: readonly ChainForConfig[],
  wallets: readonly WalletConfig[],
  findings: Findings,
): PrivateRelayConfig | undefined {
  const urls = readChainUrls(env, RELAYS, chains, findings)
  const value = text(env, 'FLASHBOTS_AUTH_KEY')
  if (value === undefined) {
    for (const name of ['FLASHBOTS_RELAY_URL', 'PRIVATE_FALLBACK_BLOCKS'] as const) {
      const isChanged = (given(env, name) ?? defaultOf(name)) !== defaultOf(name)
      if (isChanged) findings.warning(`${name} does nothing without FLASHBOTS_AUTH_KEY`)
    }
    return undefined
  }
  const key = privateKeyOf(value)
  const wrong = keyProblem(key, wallets)
  if (wrong === undefined && key !== undefined) return { authKey: new Secret(key), urls }
  findings.problem(`FLASHBOTS_AUTH_KEY ${wrong}`)
  return undefined
}

function keyProblem(key: string | undefined, wallets: readonly WalletConfig[]): string | undefined {
  if (key === undefined) return 'must be a private key of its own: 64 hex digits, with or without 0x'
  // Whoever knows it may take private transactions back in our name.
  if (isPublicKnowledge(key)) return 'is a development key: everybody knows it; make a new one'
  // It signs whatever a relay is asked, and must never be able to pay.
  const holder = wallets.find(({ privateKey }) => privateKey.equals(key))
  return holder && `is the key of the wallet "${holder.name}": it must hold no funds; make a new one`
}
