import { hostOf, Secret } from '../primitives/secret.ts'
import type { Findings } from './findings.ts'
import { type ProviderLimits, readOwnLimit } from './rateLimits.ts'
import type { ChainForConfig, EndpointConfig } from './types.ts'
import { type Environment, given } from './values.ts'
import { endpointSuffixes } from './variables.ts'

/** The endpoints of one chain, the one that is tried first at the front. */
export function readEndpoints(
  env: Environment,
  chain: ChainForConfig,
  limits: ProviderLimits,
  findings: Findings,
): EndpointConfig[] {
  const ownLimit = readOwnLimit(env, chain, findings)
  return endpointSuffixes.flatMap(({ suffix, provider }, priority) => {
    const name = `${chain.env}_${suffix}`
    const url = given(env, name)
    if (url === undefined) return []
    const wrong = whatIsWrong(url)
    if (wrong !== undefined) {
      findings.problem(`${name} ${wrong}`)
      return []
    }
    const host = hostOf(url)
    if (url.startsWith('http:') && !isNearby(host)) {
      findings.warning(`${name} talks to ${host} without encryption: others can read and change its answers`)
    }
    const rateLimit = provider === 'own' ? ownLimit : limits[provider]
    const limit = rateLimit === undefined ? {} : { rateLimit }
    return [{ url: new Secret(url), host, provider, priority, ...limit }]
  })
}

function whatIsWrong(url: string): string | undefined {
  if (!URL.canParse(url)) return 'is not a URL; give one such as https://host/path'
  const { protocol, username, password } = new URL(url)
  if (protocol === 'ws:' || protocol === 'wss:') {
    return `is a WebSocket URL (${hostOf(url)}), which this version does not use; give the http or https URL`
  }
  if (protocol !== 'http:' && protocol !== 'https:') return 'must start with https:// or http://'
  if (username !== '' || password !== '') {
    return `carries a user name or password before the host ${hostOf(url)}, which is not supported; use a key in the path`
  }
  return undefined
}

const PRIVATE_NETWORK = /^(?:127\.|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)/

/** This machine, a private network, or a name without a dot, which only a local resolver knows. */
export function isNearby(host: string): boolean {
  const { hostname } = new URL(`http://${host}`)
  return hostname === '[::1]' || !hostname.includes('.') || PRIVATE_NETWORK.test(hostname)
}
