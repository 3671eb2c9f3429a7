import type { ChainDirectory } from '../chains/directory.ts'
import { chainRef } from '../chains/registry.ts'
import type { Chain } from '../chains/types.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { Caller } from '../primitives/caller.ts'
import type { BlockRef, ChainRef } from '../primitives/chainRef.ts'
import type { ChainAccess } from '../rpc/chainAccess.ts'
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
  /** How many of its endpoints worked when they were asked last; absent when the way to it cannot be opened. */
  readonly endpoints?: { readonly healthy: number; readonly of: number }
  /** How its newest block is followed. */
  readonly live: Following
  readonly problem?: string
}

/** What is known of the way to a chain without asking anybody. Throws when it cannot be opened. */
export type AccessTo = (chain: string) => Promise<Pick<ChainAccess, 'report'> & { readonly live: LiveState }>
export type LiveState = Pick<ChainAccess['live'], 'following' | 'report'>

/** The usable chains, each with its newest block as it was at most 12 seconds ago, and the names of the others. */
export async function listChains(
  directory: ChainDirectory,
  access: AccessTo,
  caller: Caller,
): Promise<ChainList> {
  const configured = directory.configured()
  const usable = await Promise.all(configured.map((chain) => look(directory, access, chain, caller)))
  const ids = new Set(configured.map(({ id }) => id))
  const others = directory.known().filter(({ id, network }) => !ids.has(id) && network !== 'sandbox')
  return { chains: usable, notConfigured: others.map(({ id, aliases }) => `${id} (${aliases[0]})`) }
}

async function look(
  directory: ChainDirectory,
  access: AccessTo,
  chain: Chain,
  { signal }: Caller,
): Promise<ListedChain> {
  const described = describe(chain)
  let opened: Awaited<ReturnType<AccessTo>> | undefined
  try {
    opened = await access(chain.id)
    const adapter = await directory.adapter(chain.id)
    const head = await adapter.head(signal)
    return { ...described, head, ...stateOf(opened) }
  } catch (error) {
    if (!isBursarError(error)) throw error
    const state = opened ? stateOf(opened) : { live: 'idle' as const }
    return { ...described, ...state, problem: `${error.message} ${error.fix}` }
  }
}

function stateOf({ report, live }: Awaited<ReturnType<AccessTo>>): Pick<ListedChain, 'endpoints' | 'live'> {
  const reports = report()
  // One that failed when it was asked last serves no call, long before the pool gives it a rest.
  const healthy = reports.filter(({ state, problem }) => state === 'healthy' && problem === undefined)
  return { endpoints: { healthy: healthy.length, of: reports.length }, live: live.following() }
}

function describe(chain: Chain): Omit<ListedChain, 'live'> {
  const { aliases, network, confirmations } = chain
  const tokens = chain.tokens.map(({ symbol, address, decimals }) => ({ symbol, address, decimals }))
  return { chain: chainRef(chain), aliases, network, confirmations, tokens }
}
