import { isIP } from 'node:net'
import type { Findings } from './findings.ts'
import type { HttpConfig } from './types.ts'
import { type Environment, given, text, wholeNumber } from './values.ts'
import type { VariableName } from './variables.ts'

const HOST_NAME = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)(?:[.][a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/
const AUDIENCE = /^[\x21-\x7e]{1,128}$/
const MOST_A_MINUTE = 1_000_000
const UNLIMITED = 'none'

/** How `bursar serve --http` listens, and whom it answers; undefined where something is wrong and reported. */
export function readHttp(env: Environment, findings: Findings): HttpConfig | undefined {
  const host = readHost(env, findings)
  const port = wholeNumber(env, 'HTTP_PORT', { min: 0, max: 65_535 }, findings)
  const allowedHosts = listOf(env, 'HTTP_ALLOWED_HOSTS', hostName, findings)
  const allowedOrigins = listOf(env, 'HTTP_ALLOWED_ORIGINS', origin, findings)
  const audience = readAudience(env, findings)
  const limits = {
    perToken: limit(env, 'HTTP_RATE_LIMIT_TOKEN', findings),
    perAddress: limit(env, 'HTTP_RATE_LIMIT_ADDRESS', findings),
  }
  if (host === undefined || port === undefined || audience === undefined) return undefined
  return { host, port, allowedHosts, allowedOrigins, audience, limits }
}

function readHost(env: Environment, findings: Findings): string | undefined {
  const host = text(env, 'HTTP_HOST')
    ?.toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
  if (host !== undefined && (host === 'localhost' || isIP(host) !== 0)) return host
  findings.problem('HTTP_HOST must be an IP address of this machine, such as 127.0.0.1, or localhost')
  return undefined
}

function readAudience(env: Environment, findings: Findings): string | undefined {
  const audience = text(env, 'HTTP_AUDIENCE') ?? ''
  if (AUDIENCE.test(audience)) return audience
  findings.problem('HTTP_AUDIENCE must be 1 to 128 visible ASCII characters without spaces')
  return undefined
}

function listOf(
  env: Environment,
  name: VariableName,
  read: (item: string) => string | undefined,
  findings: Findings,
): readonly string[] {
  const items = (text(env, name) ?? '').split(',').flatMap((item) => item.trim() || [])
  const found = items.map(read)
  // Not what it is: somebody may have put a secret there.
  const wrong = found.indexOf(undefined)
  if (wrong !== -1) findings.problem(`${name}: item ${wrong + 1} is not ${FORMS[name]}`)
  return found.filter((item) => item !== undefined)
}

const FORMS: Partial<Record<VariableName, string>> = {
  HTTP_ALLOWED_HOSTS: 'a host name without port, such as bursar.example',
  HTTP_ALLOWED_ORIGINS: 'an origin, such as https://app.example',
}

/** As a URL has it: lower case, IPv6 in brackets. */
function hostName(item: string): string | undefined {
  const host = item.toLowerCase()
  if (HOST_NAME.test(host)) return host
  const bare = host.replace(/^\[(.*)\]$/, '$1')
  return isIP(bare) === 6 ? new URL(`http://[${bare}]`).hostname : undefined
}

function origin(item: string): string | undefined {
  if (!URL.canParse(item)) return undefined
  const { origin: parsed, protocol } = new URL(item)
  const isWhole = parsed === item.toLowerCase().replace(/\/$/, '')
  return isWhole && (protocol === 'https:' || protocol === 'http:') ? parsed : undefined
}

/** Requests a minute; absent: no limit. */
function limit(env: Environment, name: VariableName, findings: Findings): number | undefined {
  if (given(env, name)?.toLowerCase() === UNLIMITED) return undefined
  return wholeNumber(env, name, { min: 1, max: MOST_A_MINUTE }, findings)
}
