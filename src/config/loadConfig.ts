import { BursarError } from '../errors/bursarError.ts'
import { readBalanceFloors, readCaps, readFeeCaps, readGasPriceCap, readSlippage } from './caps.ts'
import { intendedChains, readChains } from './chainSettings.ts'
import { Findings } from './findings.ts'
import { readFindingsAllowed } from './findingsAllowed.ts'
import { readRedis } from './redis.ts'
import { readTenderly } from './tenderly.ts'
import type { ChainForConfig, Config, LogLevel } from './types.ts'
import { reportUnknownNames } from './unknownNames.ts'
import { choice, type Environment, folder, wholeNumber } from './values.ts'
import { readWallets } from './wallets.ts'

const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent']

/**
 * The configuration that `env` describes, for the chains that the registry knows.
 * Throws `config_invalid` with every problem at once. Neither the error nor the result shows a private key,
 * or an endpoint's URL beyond its host.
 */
export function loadConfig(env: Environment, chains: readonly ChainForConfig[]): Config {
  const findings = new Findings()
  const intended = intendedChains(env, chains, findings)
  const realChains = intended.filter((chain) => chain.network !== 'sandbox').map((chain) => chain.name)
  const stateDir = folder(env, 'SANDBOX_STATE_DIR', findings)
  if (stateDir !== undefined && intended.length > 0) {
    findings.warning('SANDBOX_STATE_DIR does nothing: chains are configured, so no sandbox is started')
  }
  const found = {
    home: folder(env, 'BURSAR_HOME', findings),
    chains: readChains(env, intended, findings),
    wallets: readWallets(env, realChains, findings),
    maxGasPriceGwei: readGasPriceCap(env, findings),
    perTransaction: readCaps(env, chains, findings),
    feePerTransaction: readFeeCaps(env, chains, findings),
    maxSlippagePercent: readSlippage(env, findings),
    minNativeBalance: readBalanceFloors(env, chains, findings),
    findingsAllowed: readFindingsAllowed(env, findings),
    intentTtlSeconds: wholeNumber(env, 'INTENT_TTL_SECONDS', { min: 10, max: 86_400 }, findings),
    rpcTimeoutMs: wholeNumber(env, 'RPC_TIMEOUT_MS', { min: 100, max: 120_000 }, findings),
    simulationRequired: simulationRequired(env, intended, findings),
    logLevel: choice(env, 'LOG_LEVEL', LOG_LEVELS, findings),
  }
  const redis = readRedis(env, findings)
  const tenderly = readTenderly(env, intended, findings)
  const speedUpAfter = wholeNumber(env, 'SPEED_UP_AFTER_BLOCKS', { min: 2, max: 100_000 }, findings)
  reportUnknownNames(env, chains, intended.length === 0, findings)
  const { maxGasPriceGwei, perTransaction, feePerTransaction, maxSlippagePercent, findingsAllowed, ...rest } =
    complete(found, findings)
  return {
    ...rest,
    policy: { maxGasPriceGwei, perTransaction, feePerTransaction, maxSlippagePercent, findingsAllowed },
    ...(redis === undefined ? {} : { redis }),
    ...(tenderly === undefined ? {} : { tenderly }),
    ...(speedUpAfter === undefined ? {} : { speedUpAfterBlocks: BigInt(speedUpAfter) }),
    sandbox: { embedded: intended.length === 0, ...(stateDir === undefined ? {} : { stateDir }) },
    warnings: findings.warnings,
  }
}

type Complete<T> = { readonly [K in keyof T]: Exclude<T[K], undefined> }

/** Hands back what was found when all of it was right. What is missing was reported where it was read. */
function complete<T extends Readonly<Record<string, unknown>>>(found: T, findings: Findings): Complete<T> {
  const missing = Object.keys(found).filter((key) => found[key] === undefined)
  if (findings.problems.length === 0 && missing.length === 0) return found as Complete<T>
  throw new BursarError('config_invalid', { problems: findings.problems })
}

function simulationRequired(
  env: Environment,
  intended: readonly ChainForConfig[],
  findings: Findings,
): boolean | undefined {
  const value = choice(env, 'SIMULATION_REQUIRED', ['true', 'false'], findings)
  const mainnets = intended.filter((chain) => chain.network === 'mainnet').map((chain) => chain.name)
  if (value === 'false' && mainnets.length > 0) {
    const names = mainnets.join(', ')
    findings.problem(`SIMULATION_REQUIRED may be false on test networks only, and ${names} would be used`)
  }
  return value === undefined ? undefined : value === 'true'
}
