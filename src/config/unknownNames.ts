import type { Findings } from './findings.ts'
import { type Guess, speller } from './nearest.ts'
import type { ChainForConfig } from './types.ts'
import type { Environment } from './values.ts'
import {
  accountPart,
  chainVariables,
  contractPart,
  fixedVariables,
  isCommon,
  isFixed,
  looksLikeEndpoint,
  looksLikeKey,
  walletVariable,
} from './variables.ts'

const SURE = 1
const LIKELY = 2
const CHAIN_SUFFIX = /_(?:(?:RPC|WS)_[A-Z_]+|CONFIRMATIONS)$/

/**
 * Reports names that were probably meant for Bursar. A limit that is silently ignored is worse than a refusal,
 * but other programs share the environment: only what is certainly ours and one slip away is a problem.
 * A misspelt endpoint is one only when no chain is left, since the sandbox would quietly take its place.
 */
export function reportUnknownNames(
  env: Environment,
  chains: readonly ChainForConfig[],
  noChainConfigured: boolean,
  findings: Findings,
): void {
  const known = [...Object.keys(fixedVariables), ...chains.flatMap(chainVariables)]
  const exact = new Set(known)
  const guessFor = guesser(known, chains)
  for (const name of Object.keys(env)) {
    if (exact.has(name) || isComposed(name, chains)) continue
    const guess = guessFor(name)
    const hint = guess ? `; did you mean ${guess.name}?` : ''
    const sure = guess !== undefined && guess.slips <= SURE && isOurs(guess.name, noChainConfigured)
    if (sure || name.startsWith('BURSAR_')) {
      findings.problem(`${name} is not a variable that Bursar reads${hint}`)
    } else if (looksLikeKey(name)) {
      findings.warning(`${name} is ignored: keys belong into keystores; run "bursar wallet import NAME"`)
    } else if (guess || looksLikeEndpoint(name) || hasChainPrefix(name, chains)) {
      findings.warning(`${name} is ignored: Bursar does not read it${hint}`)
    }
  }
}

/** What a name was probably meant to be: another spelling of the chain first, then a slip of the keyboard. */
function guesser(
  known: readonly string[],
  chains: readonly ChainForConfig[],
): (name: string) => Guess | undefined {
  const spell = speller(known, LIKELY)
  let spellings: ReadonlyMap<string, string> | undefined
  return (name) => {
    spellings ??= CHAIN_SUFFIX.test(name) ? otherSpellings(chains) : undefined
    const spelling = spellings?.get(name)
    return spelling === undefined ? spell(name) : { name: spelling, slips: LIKELY }
  }
}

/** Whether the name has a part that the operator chose, so that no list can hold it. */
function isComposed(name: string, chains: readonly ChainForConfig[]): boolean {
  if (walletVariable(name) !== undefined || accountPart(name) !== undefined) return true
  return name.includes('_CONTRACT_') && chains.some((chain) => contractPart(name, chain) !== undefined)
}

function hasChainPrefix(name: string, chains: readonly ChainForConfig[]): boolean {
  return chains.some((chain) => name.startsWith(`${chain.env}_`))
}

function isOurs(known: string, noChainConfigured: boolean): boolean {
  return isFixed(known) ? !isCommon(known) : noChainConfigured
}

/** What people write for a chain's variables: ETHEREUM_RPC_URL, BSC_MAINNET_RPC_URL, SOLANA_DEVNET_RPC_URL. */
function otherSpellings(chains: readonly ChainForConfig[]): ReadonlyMap<string, string> {
  const spellings = new Map<string, string>()
  for (const chain of chains) {
    const names = chain.aliases.map((alias) => alias.toUpperCase().replaceAll('-', '_'))
    for (const prefix of chain.network === 'mainnet'
      ? names.flatMap((name) => [name, `${name}_MAINNET`])
      : names) {
      for (const real of chainVariables(chain)) spellings.set(prefix + real.slice(chain.env.length), real)
    }
  }
  return spellings
}
