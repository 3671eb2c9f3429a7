import { hostOf, Secret } from '../primitives/secret.ts'
import { chainNamed, knownChains } from './chainSettings.ts'
import { isNearby } from './endpoints.ts'
import type { Findings } from './findings.ts'
import type { ChainForConfig, ServiceUrl } from './types.ts'
import { type Environment, text } from './values.ts'
import type { VariableName } from './variables.ts'

const ENTRY = /^([^=]+)=(\S+)$/

/** A variable that names one service for each of some chains, and how it looks. */
export interface ServiceVariable {
  readonly name: VariableName
  readonly example: string
  /** What the service is, for chains that have none. */
  readonly what: string
}

/** URLs by chain, as in `ethereum=https://…,base=https://…`; none when the variable is not set. */
export function readChainUrls(
  env: Environment,
  { name: variable, example, what }: ServiceVariable,
  chains: readonly ChainForConfig[],
  findings: Findings,
): readonly ServiceUrl[] {
  const value = text(env, variable)
  if (value === undefined) return []
  const urls = new Map<string, ServiceUrl>()
  for (const [index, entry] of value.split(',').entries()) {
    const where = `${variable}, entry ${index + 1},`
    const [, name, url] = ENTRY.exec(entry.trim()) ?? []
    if (name === undefined || url === undefined || !isUsable(url)) {
      findings.problem(`${where} must look like ${example}`)
      continue
    }
    const chain = chainNamed(name, chains)
    if (chain === undefined) {
      findings.problem(`${where} names what is ${knownChains(name, chains)}`)
    } else if (chain.family !== 'evm') {
      findings.problem(`${where} names what has no such ${what}`)
    } else if (urls.has(chain.id)) {
      findings.problem(`${where} names the same chain a second time`)
    } else {
      urls.set(chain.id, { chain: chain.id, url: new Secret(url), host: hostOf(url) })
    }
  }
  return [...urls.values()]
}

/** What goes there is nobody else's to see: encrypted, except on this machine and in its network. */
function isUsable(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || url.username !== '' || url.password !== '') return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isNearby(hostOf(text)))
}
