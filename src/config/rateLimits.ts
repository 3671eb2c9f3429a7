import type { Findings } from './findings.ts'
import type { ChainForConfig, Provider } from './types.ts'
import { type Environment, given, wholeNumber } from './values.ts'
import { OWN_RATE_LIMIT_SUFFIX, providerRateLimits } from './variables.ts'

const RANGE = { min: 1, max: 100_000 }
// Some would take a zero for "nothing passes" and others for "no limit": the word says which.
const UNLIMITED = 'none'

/** Calls a second by provider; undefined where there is no limit. */
export type ProviderLimits = Readonly<Record<Exclude<Provider, 'own'>, number | undefined>>

/** What each provider allows on one chain. */
export function readProviderLimits(env: Environment, findings: Findings): ProviderLimits {
  const limit = (provider: Exclude<Provider, 'own'>) => limitIn(env, providerRateLimits[provider], findings)
  return {
    alchemy: limit('alchemy'),
    infura: limit('infura'),
    quicknode: limit('quicknode'),
    public: limit('public'),
  }
}

/** What the operator's own node on a chain may be sent. */
export function readOwnLimit(
  env: Environment,
  chain: ChainForConfig,
  findings: Findings,
): number | undefined {
  return limitIn(env, `${chain.env}_${OWN_RATE_LIMIT_SUFFIX}`, findings)
}

function limitIn(env: Environment, name: string, findings: Findings): number | undefined {
  if (given(env, name)?.toLowerCase() === UNLIMITED) return undefined
  return wholeNumber(env, name, RANGE, findings)
}
