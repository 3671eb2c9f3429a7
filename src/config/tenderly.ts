import { hostOf, Secret } from '../primitives/secret.ts'
import { isNearby } from './endpoints.ts'
import type { Findings } from './findings.ts'
import type { ChainForConfig, TenderlyConfig } from './types.ts'
import { type Environment, text } from './values.ts'

const PARTS = ['TENDERLY_API_KEY', 'TENDERLY_ACCOUNT', 'TENDERLY_PROJECT'] as const
const ORDERS = ['tenderly,local', 'local,tenderly', 'local'] as const

/** Undefined when it is not configured, or something is wrong and reported. */
export function readTenderly(
  env: Environment,
  intended: readonly ChainForConfig[],
  findings: Findings,
): TenderlyConfig | undefined {
  const [key, account, project] = PARTS.map((name) => text(env, name))
  const order = ORDERS.find((each) => each === (text(env, 'SIMULATION_BACKENDS') ?? '').replaceAll(' ', ''))
  if (order === undefined) findings.problem(`SIMULATION_BACKENDS must be one of ${ORDERS.join(' | ')}`)
  const url = apiUrl(env, findings)
  if (!key && !account && !project) return undefined
  if (!key || !account || !project) {
    const missing = PARTS.filter((name) => text(env, name) === undefined)
    findings.problem(`Tenderly needs ${PARTS.join(', ')}; missing: ${missing.join(', ')}`)
    return undefined
  }
  for (const [name, slug] of [
    ['TENDERLY_ACCOUNT', account],
    ['TENDERLY_PROJECT', project],
  ] as const) {
    if (!SLUG.test(slug)) findings.problem(`${name} must be its slug as in the dashboard's address`)
  }
  requireFirstOnMainnets(order, intended, findings)
  if (url === undefined || order === undefined) return undefined
  return { accessToken: new Secret(key), account, project, apiUrl: url, order }
}

const SLUG = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/

/** What it costs to be told beforehand is little beside what a mainnet payment can. */
function requireFirstOnMainnets(
  order: (typeof ORDERS)[number] | undefined,
  intended: readonly ChainForConfig[],
  findings: Findings,
): void {
  const mainnets = intended.filter(({ network }) => network === 'mainnet').map(({ name }) => name)
  if (order === undefined || order === 'tenderly,local' || mainnets.length === 0) return
  const names = mainnets.join(', ')
  findings.problem(
    `SIMULATION_BACKENDS must begin with tenderly while it is configured and ${names} would be used`,
  )
}

/** Without a path. The key goes there, so it is encrypted on its way, except on this machine. */
function apiUrl(env: Environment, findings: Findings): string | undefined {
  const given = text(env, 'TENDERLY_API_URL') ?? ''
  const url = URL.canParse(given) ? new URL(given) : undefined
  const fits = url && (url.protocol === 'https:' || (url.protocol === 'http:' && isNearby(hostOf(given))))
  if (fits && url.pathname === '/' && url.search === '' && url.username === '') return url.origin
  findings.problem('TENDERLY_API_URL must be an https URL without a path, such as https://api.tenderly.co')
  return undefined
}
