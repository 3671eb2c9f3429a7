import type { ChainAdapter } from '../chains/adapter.ts'
import type { Bundlers } from '../chains/bundler.ts'
import { namingItsChain } from '../chains/chainErrors.ts'
import type { ChainDirectory, HeadWatch } from '../chains/directory.ts'
import type { ChainRegistry } from '../chains/registry.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { type EvmOptions, evmAdapter, type SimulatorOrder } from '../evm/evmAdapter.ts'
import type { SmartAccounts } from '../evm/userOperations/smartAccount.ts'
import {
  type AccessOptions,
  type ChainAccess,
  type EndpointOptions,
  openChainAccess,
} from '../rpc/chainAccess.ts'

/** A chain with a way to it. */
export interface OpenChain {
  readonly adapter: ChainAdapter
  readonly access: ChainAccess
}

/** Endpoints by CAIP-2 id: known at once when configured, later when the sandbox has to come up first. */
export type EndpointSource = () => Promise<ReadonlyMap<string, readonly EndpointOptions[]>>

/** Who simulates for a chain besides its own endpoints, and in which order; undefined: nobody. */
export type SimulationServices = (chain: Chain) => SimulatorOrder | undefined

/** What adapters are told besides their endpoints. */
export interface ChainExtras extends Omit<EvmOptions, 'ordered' | 'accounts' | 'bundler'> {
  /** The contract accounts of the wallets of a chain. */
  readonly accounts?: (chain: Chain) => SmartAccounts
  readonly bundlers?: Bundlers
  readonly services?: SimulationServices
}

/** Opens chains on first use and keeps them open. */
export class OpenChains implements ChainDirectory {
  readonly #registry: ChainRegistry
  readonly #usable: readonly Chain[]
  readonly #endpoints: EndpointSource
  readonly #options: AccessOptions
  readonly #extras: ChainExtras
  readonly #open = new Map<string, Promise<OpenChain>>()

  /** `usable` are the chains that have, or will have, endpoints. */
  constructor(
    registry: ChainRegistry,
    usable: readonly Chain[],
    endpoints: EndpointSource,
    options: AccessOptions,
    extras: ChainExtras = {},
  ) {
    this.#registry = registry
    this.#usable = usable
    this.#endpoints = endpoints
    this.#options = options
    this.#extras = extras
  }

  known(): readonly Chain[] {
    return this.#registry.all()
  }

  resolve(text: string): Chain {
    return this.#registry.resolve(text)
  }

  async adapter(text: string): Promise<ChainAdapter> {
    return (await this.open(text)).adapter
  }

  configured(): readonly Chain[] {
    return this.#usable
  }

  async watch(text: string, moved: () => void): Promise<HeadWatch | undefined> {
    const { access } = await this.open(text)
    if (!access.pushes) return undefined
    const stop = access.onHead(moved)
    return { pushed: () => access.live.following() === 'socket', stop }
  }

  /** Throws `chain_unknown` or `chain_not_configured`. */
  open(text: string): Promise<OpenChain> {
    const chain = this.#registry.resolve(text)
    if (!this.#usable.some(({ id }) => id === chain.id)) return Promise.reject(this.#notConfigured(chain))
    const known = this.#open.get(chain.id)
    if (known) return known
    const opening = this.#connect(chain)
    this.#open.set(chain.id, opening)
    // A sandbox that did not come up is tried again by the next call.
    opening.catch(() => this.#open.delete(chain.id))
    return opening
  }

  async close(): Promise<void> {
    const open = await Promise.allSettled(this.#open.values())
    await Promise.all(
      open.map((each) => (each.status === 'fulfilled' ? each.value.access.close() : undefined)),
    )
  }

  async #connect(chain: Chain): Promise<OpenChain> {
    const endpoints = (await this.#endpoints()).get(chain.id)
    if (!endpoints) throw this.#notConfigured(chain)
    const access = openChainAccess(chain, endpoints, this.#options)
    const { services, accounts, bundlers, ...options } = this.#extras
    const bundler = bundlers?.(chain.id)
    const adapter = evmAdapter(chain, access, {
      ...{ ...options, ordered: services?.(chain) },
      ...(accounts && { accounts: accounts(chain) }),
      ...(bundler && { bundler }),
    })
    return { adapter: namingItsChain(adapter), access }
  }

  #notConfigured(chain: Chain): BursarError {
    const usable = this.#usable.map(({ aliases }) => aliases[0])
    return new BursarError(
      'chain_not_configured',
      { name: chain.name, env: chain.env, usable },
      { chain: chain.id },
    )
  }
}
