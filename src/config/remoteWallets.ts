import { hostOf, Secret } from '../primitives/secret.ts'
import { chainNamed, knownChains } from './chainSettings.ts'
import { isNearby } from './endpoints.ts'
import type { Findings } from './findings.ts'
import type { ChainForConfig, RemoteWalletConfig } from './types.ts'
import { absolutePath, type Environment, given } from './values.ts'
import type { WalletSuffix } from './variables.ts'

const ADDRESS = /^0x[0-9a-fA-F]{40}$/
const FILES = {
  tokenFile: 'REMOTE_TOKEN_FILE',
  certFile: 'REMOTE_CERT_FILE',
  keyFile: 'REMOTE_KEY_FILE',
  caFile: 'REMOTE_CA_FILE',
} as const satisfies Record<string, WalletSuffix>

/** WALLET_HOT_ONE_… is about the wallet "hot-one". */
export function walletName(part: string): string {
  return part.toLowerCase().replaceAll('_', '-')
}

/** The wallet of WALLET_<part>_REMOTE_URL; undefined when there is none, or something is wrong and reported. */
export function readRemoteWallet(
  env: Environment,
  part: string,
  findings: Findings,
): RemoteWalletConfig | undefined {
  const named = (suffix: WalletSuffix) => `WALLET_${part}_${suffix}`
  const url = given(env, named('REMOTE_URL'))
  const address = given(env, named('ADDRESS'))
  const files = Object.entries(FILES).flatMap(([key, suffix]) => {
    const path = absolutePath(given(env, named(suffix)), named(suffix), findings)
    return path === undefined ? [] : [[key, path] as const]
  })
  if (url === undefined) {
    const useless = address === undefined && files.length === 0
    if (!useless) findings.problem(`${named('REMOTE_URL')} is missing: the wallet has settings of a signer`)
    return undefined
  }
  if (!isUsable(url)) {
    findings.problem(`${named('REMOTE_URL')} must be an https URL, or http in this network`)
    return undefined
  }
  if (address === undefined || !ADDRESS.test(address)) {
    findings.problem(`${named('ADDRESS')} must be the address of the account that the signer has the key of`)
    return undefined
  }
  const paths: Partial<Record<keyof typeof FILES, string>> = Object.fromEntries(files)
  if ((paths.certFile === undefined) !== (paths.keyFile === undefined))
    findings.problem(`${named('REMOTE_CERT_FILE')} and ${named('REMOTE_KEY_FILE')} belong together`)
  return { name: walletName(part), address, url: new Secret(url), host: hostOf(url), ...paths }
}

/** The chains of WALLET_<part>_CHAINS, by the wallet's name; none when it is not set. */
export function readWalletChains(
  env: Environment,
  part: string,
  chains: readonly ChainForConfig[],
  findings: Findings,
): readonly (readonly [string, readonly string[]])[] {
  const variable = `WALLET_${part}_CHAINS`
  const value = given(env, variable)
  if (value === undefined) return []
  const ids = value.split(',').flatMap((entry, index) => {
    const chain = chainNamed(entry.trim(), chains)
    if (chain) return [chain.id]
    findings.problem(`${variable}, entry ${index + 1}, is ${knownChains(entry.trim(), chains)}`)
    return []
  })
  return [[walletName(part), ids]]
}

function isUsable(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isNearby(hostOf(text)))
}
