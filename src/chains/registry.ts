import { BursarError } from '../errors/bursarError.ts'
import type { ChainRef } from '../primitives/chainRef.ts'
import { allChains } from './allChains.ts'
import type { Chain, ChainId } from './types.ts'

export interface ChainRegistry {
  all(): readonly Chain[]
  /** The chain of a CAIP-2 id or an alias; never of a bare number, which names nothing by itself (R13). */
  find(text: string): Chain | undefined
  /** As `find`; throws `chain_unknown`, which lists the known ids with their aliases. */
  resolve(text: string): Chain
}

/** What an operator changes of a chain's facts (A3). `Config.chains` has this shape. */
export interface ChainOverride {
  readonly chainId: ChainId
  readonly confirmations?: number
  /** Replaces or adds contract addresses by name. */
  readonly contracts?: Readonly<Record<string, string>>
}

// A caller's text comes back in the error: enough of it to recognise, not enough to flood an answer.
const SHOWN_CHARACTERS = 64

/**
 * A registry over `chains`, with the operator's overrides applied.
 * Throws when two chains share an id, an alias or an environment prefix, or an override names no chain:
 * whichever came first would silently get the other's endpoints and payments.
 */
export function createRegistry(
  chains: readonly Chain[] = allChains,
  overrides: readonly ChainOverride[] = [],
): ChainRegistry {
  const byId = uniqueBy(chains, 'id', (chain) => [chain.id])
  uniqueBy(chains, 'environment prefix', (chain) => [chain.env])
  for (const override of overrides) {
    const chain = byId.get(override.chainId)
    if (!chain) throw new Error(`An override names the unknown chain ${override.chainId}.`)
    byId.set(chain.id, overridden(chain, override))
  }
  const all = [...byId.values()]
  const byAlias = uniqueBy(all, 'alias', (chain) => chain.aliases.map((alias) => alias.toLowerCase()))

  const find = (text: string) => byId.get(text) ?? byAlias.get(text.toLowerCase())
  return {
    all: () => all,
    find,
    resolve(text) {
      const chain = find(text)
      if (chain) return chain
      const known = all.map((each) => `${each.id} (${each.aliases[0]})`)
      throw new BursarError('chain_unknown', { given: text.slice(0, SHOWN_CHARACTERS), known })
    },
  }
}

/** The chain as every answer and every error names it (A4). */
export function chainRef(chain: Chain): ChainRef {
  const ref = { id: chain.id, name: chain.name, native: chain.native.symbol }
  return chain.network === 'sandbox' ? { ...ref, sandbox: true } : ref
}

function overridden(chain: Chain, override: ChainOverride): Chain {
  return {
    ...chain,
    confirmations: override.confirmations ?? chain.confirmations,
    contracts: { ...chain.contracts, ...override.contracts },
  }
}

function uniqueBy(
  chains: readonly Chain[],
  what: string,
  keysOf: (chain: Chain) => readonly string[],
): Map<string, Chain> {
  const found = new Map<string, Chain>()
  for (const chain of chains) {
    for (const key of keysOf(chain)) {
      const other = found.get(key)
      if (other) throw new Error(`${other.name} and ${chain.name} share the ${what} "${key}".`)
      found.set(key, chain)
    }
  }
  return found
}
