import type { ChainAdapter, ChainDirectory } from '../chains/adapter.ts'
import { chainRef } from '../chains/registry.ts'
import type { Chain } from '../chains/types.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { Caller } from '../primitives/caller.ts'
import type { BlockRef, ChainRef } from '../primitives/chainRef.ts'
import type { Following } from '../rpc/live/liveChain.ts'

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
  /** How its newest block is followed. */
  readonly live: Following
  readonly problem?: string
}

/** The usable chains, each with its head as its endpoint gives it now, and the names of the others. */
export async function listChains(
  directory: ChainDirectory,
  following: (chain: string) => Promise<Following>,
  caller: Caller,
): Promise<ChainList> {
  const configured = await directory.configured()
  const look = async (adapter: ChainAdapter) => {
    const chain = await withHead(adapter, caller.signal)
    return { ...chain, live: await following(adapter.chain.id) }
  }
  const usable = await Promise.all(configured.map(look))
  const ids = new Set(configured.map(({ chain }) => chain.id))
  const others = directory.known().filter(({ id, network }) => !ids.has(id) && network !== 'sandbox')
  return { chains: usable, notConfigured: others.map(({ id, aliases }) => `${id} (${aliases[0]})`) }
}

async function withHead(adapter: ChainAdapter, signal: AbortSignal): Promise<Omit<ListedChain, 'live'>> {
  const chain = describe(adapter.chain)
  try {
    return { ...chain, head: await adapter.head(signal) }
  } catch (error) {
    if (!isBursarError(error)) throw error
    return { ...chain, problem: error.message }
  }
}

function describe(chain: Chain): Omit<ListedChain, 'live'> {
  const { aliases, network, confirmations } = chain
  const tokens = chain.tokens.map(({ symbol, address, decimals }) => ({ symbol, address, decimals }))
  return { chain: chainRef(chain), aliases, network, confirmations, tokens }
}
