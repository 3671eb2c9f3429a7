import { BursarError } from '../errors/bursarError.ts'
import { readAccounts } from './accounts.ts'
import { readApprovals, readApprovalThresholds } from './approvals.ts'
import { readBalanceFloors, readCaps, readFeeCaps, readGasPriceCap, readSlippage } from './caps.ts'
import { intendedChains, readChains } from './chainSettings.ts'
import { readChainUrls } from './chainUrls.ts'
import { Findings } from './findings.ts'
import { readFindingsAllowed } from './findingsAllowed.ts'
import { readHttp } from './http.ts'
import { checkOwnFiles } from './ownFiles.ts'
import { readPrivateRelay } from './privateRelay.ts'
import { readRedis } from './redis.ts'
import { readTenderly } from './tenderly.ts'
import type { ChainForConfig, Config, LogLevel } from './types.ts'
import { reportUnknownNames } from './unknownNames.ts'
import { choice, type Environment, folder, wholeNumber } from './values.ts'
import { readWallets } from './wallets.ts'

const BUNDLERS = { name: 'BUNDLER_URL', example: 'base=https://bundler.example', what: 'bundler' } as const
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
    ...readWallets(env, chains, realChains, findings),
    maxGasPriceGwei: readGasPriceCap(env, findings),
    perTransaction: readCaps(env, 'MAX_PER_TRANSACTION', chains, findings),
    feePerTransaction: readFeeCaps(env, chains, findings),
    maxSlippagePercent: readSlippage(env, findings),
    minNativeBalance: readBalanceFloors(env, chains, findings),
    findingsAllowed: readFindingsAllowed(env, findings),
    privateFallbackBlocks: wholeNumber(env, 'PRIVATE_FALLBACK_BLOCKS', { min: 0, max: 100_000 }, findings),
    intentTtlSeconds: wholeNumber(env, 'INTENT_TTL_SECONDS', { min: 10, max: 86_400 }, findings),
    approvals: readApprovals(env, findings),
    rpcTimeoutMs: wholeNumber(env, 'RPC_TIMEOUT_MS', { min: 100, max: 120_000 }, findings),
    simulationRequired: simulationRequired(env, intended, findings),
    http: readHttp(env, findings),
    logLevel: choice(env, 'LOG_LEVEL', LOG_LEVELS, findings),
  }
  const policyFile = folder(env, 'POLICY_FILE', findings)
  const passwordFile = folder(env, 'KEYSTORE_PASSWORD_FILE', findings)
  if (found.home !== undefined) checkOwnFiles(found.home, policyFile, findings)
  const accounts = readAccounts(env, found.wallets, findings)
  const bundlers = readChainUrls(env, BUNDLERS, chains, findings)
  const redis = readRedis(env, findings)
  const thresholds = readApprovalThresholds(env, chains, findings)
  const privateRelay = readPrivateRelay(env, chains, found.wallets, findings)
  const tenderly = readTenderly(env, intended, findings)
  const speedUpAfter = wholeNumber(env, 'SPEED_UP_AFTER_BLOCKS', { min: 2, max: 100_000 }, findings)
  reportUnknownNames(env, chains, intended.length === 0, findings)
  const { maxGasPriceGwei, perTransaction, feePerTransaction, ...others } = complete(found, findings)
  const { maxSlippagePercent, findingsAllowed, privateFallbackBlocks, ...rest } = others
  const caps = { maxGasPriceGwei, perTransaction, feePerTransaction, maxSlippagePercent }
  return {
    ...rest,
    accounts,
    bundlers,
    policy: { ...caps, ...thresholds, findingsAllowed, privateFallbackBlocks },
    ...(policyFile === undefined ? {} : { policyFile }),
    ...(passwordFile === undefined ? {} : { keystorePasswordFile: passwordFile }),
    ...(redis === undefined ? {} : { redis }),
    ...(tenderly === undefined ? {} : { tenderly }),
    ...(privateRelay === undefined ? {} : { privateRelay }),
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
  } else if (value === 'false') {
    findings.warning(
      'SIMULATION_REQUIRED=false changes nothing: what was not simulated is not signed, on test networks either',
    )
  }
  return value === undefined ? undefined : value === 'true'
}
