import type { ChainAdapter, ChainDirectory } from '../chains/adapter.ts'
import { chainRef } from '../chains/registry.ts'
import type { Chain } from '../chains/types.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { Caller } from '../primitives/caller.ts'
import type { BlockRef, ChainRef } from '../primitives/chainRef.ts'

export interface ChainList {
  readonly chains: readonly ListedChain[]
}

export interface ListedChain {
  readonly chain: ChainRef
  readonly aliases: readonly string[]
  readonly network: Chain['network']
  readonly configured: boolean
  readonly confirmations: number
  readonly tokens: readonly { symbol: string; address: string; decimals: number }[]
  readonly head?: BlockRef
  readonly problem?: string
}

/** Every known chain, the usable ones first, each with its head as its endpoint gives it now. */
export async function listChains(directory: ChainDirectory, caller: Caller): Promise<ChainList> {
  const configured = await directory.configured()
  const usable = await Promise.all(configured.map((adapter) => withHead(adapter, caller.signal)))
  const ids = new Set(configured.map(({ chain }) => chain.id))
  const others = directory.known().filter(({ id, network }) => !ids.has(id) && network !== 'sandbox')
  return { chains: [...usable, ...others.map((chain) => describe(chain, false))] }
}

async function withHead(adapter: ChainAdapter, signal: AbortSignal): Promise<ListedChain> {
  const chain = describe(adapter.chain, true)
  try {
    return { ...chain, head: await adapter.head(signal) }
  } catch (error) {
    if (!isBursarError(error)) throw error
    return { ...chain, problem: error.message }
  }
}

function describe(chain: Chain, configured: boolean): ListedChain {
  const { aliases, network, confirmations } = chain
  const tokens = chain.tokens.map(({ symbol, address, decimals }) => ({ symbol, address, decimals }))
  return { chain: chainRef(chain), aliases, network, configured, confirmations, tokens }
}
