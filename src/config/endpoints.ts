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
  return endpointSuffixes.flatMap(({ suffix, socket: socketSuffix, provider }, priority) => {
    const names = { http: `${chain.env}_${suffix}`, socket: `${chain.env}_${socketSuffix}` }
    // Several of one provider are equals: calls go round between them.
    const listed = given(env, names.http)?.split(',') ?? []
    const urls = listed.flatMap((url) => readUrl(url.trim(), names.http, HTTP, findings) ?? [])
    const socket = readUrl(given(env, names.socket), names.socket, SOCKET, findings)
    if (socket !== undefined && given(env, names.http) === undefined) {
      findings.problem(
        `${names.socket} is set and ${names.http} is not: a socket only tells what to look for`,
      )
    }
    const rateLimit = provider === 'own' ? ownLimit : limits[provider]
    return urls.map((url, index) => ({
      ...{ url: new Secret(url), host: hostOf(url), provider, priority },
      ...(rateLimit === undefined ? {} : { rateLimit }),
      ...(socket === undefined || index > 0 ? {} : { socket: new Secret(socket) }),
    }))
  })
}

interface Kind {
  /** The one that is encrypted first. */
  readonly protocols: readonly [string, string]
  /** What to do about a URL of the other kind. */
  readonly otherwise: (host: string) => string
}

const HTTP: Kind = {
  protocols: ['https:', 'http:'],
  otherwise: (host) =>
    `is a WebSocket URL (${host}): it belongs into the variable with _WS_; give the http or https URL here`,
}
const SOCKET: Kind = {
  protocols: ['wss:', 'ws:'],
  otherwise: (host) =>
    `is an HTTP URL (${host}): it belongs into the variable with _RPC_; give the ws or wss URL here`,
}

/** The URL when it is a right one of its kind; what is wrong with it is reported. */
function readUrl(url: string | undefined, name: string, kind: Kind, findings: Findings): string | undefined {
  if (url === undefined) return undefined
  const wrong = whatIsWrong(url, kind)
  if (wrong !== undefined) {
    findings.problem(`${name} ${wrong}`)
    return undefined
  }
  const host = hostOf(url)
  if (new URL(url).protocol === kind.protocols[1] && !isNearby(host)) {
    findings.warning(`${name} talks to ${host} without encryption: others can read and change its answers`)
  }
  return url
}

function whatIsWrong(url: string, { protocols, otherwise }: Kind): string | undefined {
  const [secure, plain] = protocols
  if (!URL.canParse(url)) return `is not a URL; give one such as ${secure}//host/path`
  const { protocol, username, password } = new URL(url)
  if (protocol !== secure && protocol !== plain) {
    const isOther = [...HTTP.protocols, ...SOCKET.protocols].includes(protocol)
    return isOther ? otherwise(hostOf(url)) : `must start with ${secure}// or ${plain}//`
  }
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
