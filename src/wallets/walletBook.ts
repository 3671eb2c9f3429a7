import type { ChainDirectory } from '../chains/adapter.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { parseAddress } from '../evm/address.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Secret } from '../primitives/secret.ts'
import { evmKeySigner } from './evmKeySigner.ts'
import { sandboxKeys } from './sandboxKeys.ts'
import type { Signer } from './signer.ts'

export interface Wallet {
  readonly name: string
  readonly kind: 'eoa'
  readonly address: string
  readonly signer: Signer
  /** Sandbox wallets have public keys and never leave the sandbox; the operator's never enter it. */
  readonly network: 'sandbox' | 'real'
}

export interface WalletList {
  readonly wallets: readonly {
    readonly name: string
    readonly address: string
    readonly kind: 'eoa'
    readonly chains: readonly string[]
  }[]
  /** The caps that policy applies to one transaction. */
  readonly limits: readonly string[]
}

export interface WalletKey {
  readonly name: string
  readonly privateKey: Secret
}

const EVM_ADDRESS = /^0x[0-9a-f]{40}$/i

/** The wallets that Bursar manages. Addresses are derived when a network is first used: it takes milliseconds a key. */
export class WalletBook {
  readonly #keys: Readonly<Record<Wallet['network'], readonly WalletKey[]>>
  readonly #clock: Clock
  readonly #derived = new Map<Wallet['network'], readonly Wallet[]>()

  constructor(configured: readonly WalletKey[], clock: Clock) {
    const sandbox = Object.entries(sandboxKeys).map(([name, privateKey]) => ({ name, privateKey }))
    this.#keys = { sandbox, real: configured }
    this.#clock = clock
  }

  /** The wallets that may act on a chain. */
  on(chain: Chain): readonly Wallet[] {
    return chain.family === 'evm' ? this.#of(chain.network === 'sandbox' ? 'sandbox' : 'real') : []
  }

  /** The wallets that may act on the configured chains, or on one of them. */
  async list(
    chain: string | undefined,
    directory: ChainDirectory,
    limits: readonly string[],
  ): Promise<WalletList> {
    const chains = chain === undefined ? directory.configured() : [(await directory.adapter(chain)).chain]
    const usable = new Set(chains.flatMap((each) => this.on(each)))
    const wallets = [...usable].map((wallet) => {
      const { name, address, kind } = wallet
      const acts = chains.filter((each) => this.on(each).includes(wallet))
      return { name, address, kind, chains: acts.map(({ id }) => id) }
    })
    return { wallets, limits }
  }

  /** By name or address. Throws `address_invalid` (R13) or `wallet_unknown`, which lists the wallets of that chain. */
  find(given: string, chain: Chain): Wallet {
    const wallets = this.on(chain)
    if (EVM_ADDRESS.test(given)) parseAddress(given, 'wallet')
    const wanted = given.toLowerCase()
    const found = wallets.find((each) => each.name === wanted || each.address.toLowerCase() === wanted)
    if (found) return found
    const known = wallets.map((each) => each.name)
    throw new BursarError('wallet_unknown', { given: given.slice(0, 80), known }, { chain: chain.id })
  }

  /** The address of a wallet of that chain when `text` is its name, else `text` itself. */
  addressOf(text: string, chain: Chain): string {
    return this.on(chain).find((each) => each.name === text.toLowerCase())?.address ?? text
  }

  /** The name of a wallet of that chain, by address. */
  nameOf(address: string, chain: Chain): string | undefined {
    return this.on(chain).find((each) => each.address === address)?.name
  }

  #of(network: Wallet['network']): readonly Wallet[] {
    const known = this.#derived.get(network)
    if (known) return known
    const wallets = this.#keys[network].map(({ name, privateKey }): Wallet => {
      const signer = evmKeySigner(privateKey, this.#clock)
      return { name, kind: 'eoa', address: signer.account, signer, network }
    })
    this.#derived.set(network, wallets)
    return wallets
  }
}
