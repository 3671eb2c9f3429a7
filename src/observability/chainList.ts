import type { ChainDirectory } from '../chains/adapter.ts'
import { chainRef } from '../chains/registry.ts'
import type { Chain } from '../chains/types.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { Caller } from '../primitives/caller.ts'
import type { BlockRef, ChainRef } from '../primitives/chainRef.ts'

export interface ChainList {
  /** The chains that can be used now. */
  readonly chains: readonly ListedChain[]
  /** Known chains without an endpoint, as `id (alias)`. */
  readonly notConfigured: readonly string[]
}

export interface ListedChain {
  readonly chain: ChainRef
  readonly aliases: readonly string[]
  readonly network: Chain['network']
  readonly confirmations: number
  readonly tokens: readonly { symbol: string; address: string; decimals: number }[]
  readonly head?: BlockRef
  readonly problem?: string
}

/** The usable chains, each with its head as its endpoint gives it now, and the names of the others. */
export async function listChains(directory: ChainDirectory, caller: Caller): Promise<ChainList> {
  const configured = directory.configured()
  const usable = await Promise.all(configured.map((chain) => withHead(directory, chain, caller.signal)))
  const ids = new Set(configured.map(({ id }) => id))
  const others = directory.known().filter(({ id, network }) => !ids.has(id) && network !== 'sandbox')
  return { chains: usable, notConfigured: others.map(({ id, aliases }) => `${id} (${aliases[0]})`) }
}

async function withHead(directory: ChainDirectory, chain: Chain, signal: AbortSignal): Promise<ListedChain> {
  const described = describe(chain)
  try {
    const adapter = await directory.adapter(chain.id)
    return { ...described, head: await adapter.head(signal) }
  } catch (error) {
    if (!isBursarError(error)) throw error
    return { ...described, problem: `${error.message} ${error.fix}` }
  }
}

function describe(chain: Chain): ListedChain {
  const { aliases, network, confirmations } = chain
  const tokens = chain.tokens.map(({ symbol, address, decimals }) => ({ symbol, address, decimals }))
  return { chain: chainRef(chain), aliases, network, confirmations, tokens }
}
