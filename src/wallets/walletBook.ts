import type { ChainDirectory } from '../chains/adapter.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
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

/** The wallets that Bursar manages. */
export class WalletBook {
  readonly #wallets: readonly Wallet[]

  constructor(configured: readonly WalletKey[], clock: Clock) {
    const sandbox = Object.entries(sandboxKeys).map(([name, key]) => wallet(name, key, 'sandbox', clock))
    const real = configured.map(({ name, privateKey }) => wallet(name, privateKey, 'real', clock))
    this.#wallets = [...sandbox, ...real]
  }

  /** The wallets that may act on a chain. */
  on(chain: Chain): readonly Wallet[] {
    const network = chain.network === 'sandbox' ? 'sandbox' : 'real'
    return chain.family === 'evm' ? this.#wallets.filter((each) => each.network === network) : []
  }

  /** The wallets that may act on the configured chains, or on one of them. */
  async list(
    chain: string | undefined,
    directory: ChainDirectory,
    limits: readonly string[],
  ): Promise<WalletList> {
    const adapters = chain === undefined ? await directory.configured() : [await directory.adapter(chain)]
    const wallets = this.#wallets.map(({ name, address, kind }) => {
      const usable = adapters.filter((adapter) =>
        this.on(adapter.chain).some((each) => each.name === name && each.address === address),
      )
      return { name, address, kind, chains: usable.map((adapter) => adapter.chain.id) }
    })
    return { wallets: wallets.filter((each) => each.chains.length > 0), limits }
  }

  /** By name or address. Throws `wallet_unknown`, which lists the wallets of that chain. */
  find(given: string, chain: Chain): Wallet {
    const wallets = this.on(chain)
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

  nameOf(address: string, chain: Chain): string | undefined {
    return this.on(chain).find((each) => each.address === address)?.name
  }
}

function wallet(name: string, key: Secret, network: Wallet['network'], clock: Clock): Wallet {
  const signer = evmKeySigner(key, clock)
  return { name, kind: 'eoa', address: signer.account, signer, network }
}
