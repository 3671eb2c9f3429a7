import type { ChainDirectory } from '../chains/adapter.ts'
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
  const configured = directory.configured()
  const usable = await Promise.all(configured.map((chain) => look(directory, following, chain, caller)))
  const ids = new Set(configured.map(({ id }) => id))
  const others = directory.known().filter(({ id, network }) => !ids.has(id) && network !== 'sandbox')
  return { chains: usable, notConfigured: others.map(({ id, aliases }) => `${id} (${aliases[0]})`) }
}

async function look(
  directory: ChainDirectory,
  following: (chain: string) => Promise<Following>,
  chain: Chain,
  { signal }: Caller,
): Promise<ListedChain> {
  const described = describe(chain)
  try {
    const adapter = await directory.adapter(chain.id)
    return { ...described, head: await adapter.head(signal), live: await following(chain.id) }
  } catch (error) {
    if (!isBursarError(error)) throw error
    return { ...described, live: 'idle', problem: `${error.message} ${error.fix}` }
  }
}

function describe(chain: Chain): Omit<ListedChain, 'live'> {
  const { aliases, network, confirmations } = chain
  const tokens = chain.tokens.map(({ symbol, address, decimals }) => ({ symbol, address, decimals }))
  return { chain: chainRef(chain), aliases, network, confirmations, tokens }
}
