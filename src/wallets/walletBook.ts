import type { Hex } from 'viem'
import type { ChainDirectory } from '../chains/directory.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { parseAddress } from '../evm/address.ts'
import { type SmartAccounts, smartAccountOf } from '../evm/userOperations/smartAccount.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Secret } from '../primitives/secret.ts'
import { baseName } from '../primitives/walletNames.ts'
import { evmKeySigner } from './evmKeySigner.ts'
import { sandboxKeys } from './sandboxKeys.ts'
import type { Signer } from './signer.ts'

/** `remote`: an account like an `eoa`, whose key a signer elsewhere has. */
export type WalletKind = 'eoa' | 'remote' | 'smart-account'

export interface Wallet {
  readonly name: string
  readonly kind: WalletKind
  readonly address: string
  /** Of a smart account: the wallet whose key signs for it, and what else its address follows from. */
  readonly owner?: { readonly name: string; readonly address: string; readonly salt: bigint }
  readonly signer: Signer
  /** Sandbox wallets have public keys and never leave the sandbox; the operator's never enter it. */
  readonly network: 'sandbox' | 'real'
}

export interface WalletList {
  readonly wallets: readonly {
    readonly name: string
    readonly address: string
    readonly kind: WalletKind
    /** Of a smart account: the wallet whose key signs for it. */
    readonly owner?: string
    readonly chains: readonly string[]
  }[]
  /** The caps that policy applies to one transaction. */
  readonly limits: readonly string[]
}

export interface WalletKey {
  readonly name: string
  readonly privateKey: Secret
}

/** Wallets besides those whose keys are at hand. */
export interface OtherWallets {
  readonly wallets: readonly Omit<Wallet, 'network'>[]
  /** Contract accounts of all of them. */
  readonly accounts?: readonly SmartAccountWallet[]
  /** What cannot be used, by the name that it would have, and `*` for all that is not known because of it. */
  readonly broken: ReadonlyMap<string, BursarError>
  /** CAIP-2 ids of the chains that a wallet may act on, by its name; others may act on all. */
  readonly chains: ReadonlyMap<string, readonly string[]>
}

const NO_OTHERS: OtherWallets = { wallets: [], broken: new Map(), chains: new Map() }

/** A contract account (ERC-4337) that a wallet with a key owns. */
export interface SmartAccountWallet {
  readonly name: string
  /** Name of that wallet. */
  readonly owner: string
  /** Tells accounts of one owner apart. */
  readonly salt: bigint
}

/** Every sandbox has one, empty at first. */
const SANDBOX_ACCOUNTS: readonly SmartAccountWallet[] = [{ name: 'vault', owner: 'treasury', salt: 0n }]

const EVM_ADDRESS = /^0x[0-9a-f]{40}$/i

/** The wallets that Bursar manages. Addresses are derived when a network is first used: it takes milliseconds a key. */
export class WalletBook {
  readonly #keys: Readonly<Record<Wallet['network'], readonly WalletKey[]>>
  readonly #others: OtherWallets
  readonly #clock: Clock
  readonly #derived = new Map<Wallet['network'], readonly Wallet[]>()

  constructor(configured: readonly WalletKey[], clock: Clock, others: OtherWallets = NO_OTHERS) {
    const sandbox = Object.entries(sandboxKeys).map(([name, privateKey]) => ({ name, privateKey }))
    this.#keys = { sandbox, real: configured }
    this.#clock = clock
    this.#others = others
  }

  /** Of every network. */
  names(): readonly string[] {
    const others = [...this.#others.wallets, ...(this.#others.accounts ?? []), ...SANDBOX_ACCOUNTS]
    return [...this.#keys.sandbox, ...this.#keys.real, ...others].map(({ name }) => name)
  }

  /** Those of every network whose accounts are known. */
  all(): readonly Wallet[] {
    return [...this.#of('sandbox'), ...this.#of('real')]
  }

  /** The wallets that may act on a chain. */
  on(chain: Chain): readonly Wallet[] {
    if (chain.family !== 'evm') return []
    const { chains } = this.#others
    const wallets = this.#of(chain.network === 'sandbox' ? 'sandbox' : 'real')
    return wallets.filter(({ name }) => chains.get(baseName(name))?.includes(chain.id) ?? true)
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
      const { name, address, kind, owner } = wallet
      const acts = chains.filter((each) => this.on(each).includes(wallet))
      return { name, address, kind, ...(owner && { owner: owner.name }), chains: acts.map(({ id }) => id) }
    })
    return { wallets, limits }
  }

  /**
   * By name or address. Throws `address_invalid` (R13), what is wrong with a wallet that cannot be used, or
   * `wallet_unknown`, which lists the wallets of that chain.
   */
  find(given: string, chain: Chain): Wallet {
    const wallets = this.on(chain)
    if (EVM_ADDRESS.test(given)) parseAddress(given, 'wallet')
    const wanted = given.toLowerCase()
    const found = wallets.find((each) => each.name === wanted || each.address.toLowerCase() === wanted)
    if (found) return found
    const { broken } = this.#others
    const wrong = chain.network === 'sandbox' ? undefined : (broken.get(wanted) ?? broken.get('*'))
    if (wrong) throw wrong
    const known = wallets.map((each) => each.name)
    throw new BursarError('wallet_unknown', { given: given.slice(0, 80), known }, { chain: chain.id })
  }

  /** The accounts of wallets, by name, with what rotations keep of them; undefined when one of them is not known here. */
  accounts(names: ReadonlySet<string>): readonly string[] | undefined {
    const meant = this.all().filter(({ name }) => names.has(baseName(name)))
    const found = new Set(meant.map(({ name }) => baseName(name)))
    return [...names].every((name) => found.has(name)) ? meant.map(({ address }) => address) : undefined
  }

  /** The address of a wallet of that chain when `text` is its name, else `text` itself. */
  addressOf(text: string, chain: Chain): string {
    return this.on(chain).find((each) => each.name === text.toLowerCase())?.address ?? text
  }

  /** The name of a wallet of that chain, by address. */
  nameOf(address: string, chain: Chain): string | undefined {
    return this.on(chain).find((each) => each.address === address)?.name
  }

  /** Whose key signs for an account of that chain, where it is a contract account. */
  ownerOf(address: string, chain: Chain): Wallet['owner'] {
    return this.on(chain).find((each) => each.address === address)?.owner
  }

  /** The contract account of an address, where a wallet of that chain is one. */
  accountsOn(chain: Chain): SmartAccounts {
    return (address) => {
      const owner = this.ownerOf(address, chain)
      return owner && { address: address as Hex, owner: owner.address as Hex, salt: owner.salt }
    }
  }

  #of(network: Wallet['network']): readonly Wallet[] {
    const known = this.#derived.get(network)
    if (known) return known
    const keys = this.#keys[network].map(({ name, privateKey }): Wallet => {
      const signer = evmKeySigner(privateKey, this.#clock)
      return { name, kind: 'eoa', address: signer.account, signer, network }
    })
    const others = network === 'real' ? this.#others.wallets.map((each) => ({ ...each, network })) : []
    const owners = [...keys, ...others]
    const accounts = network === 'real' ? (this.#others.accounts ?? []) : SANDBOX_ACCOUNTS
    const wallets = [...owners, ...accounts.flatMap((account) => ownedBy(owners, account) ?? [])]
    this.#derived.set(network, wallets)
    return wallets
  }
}

/** The contract account of an owner; undefined when nobody of that name can sign for one. */
function ownedBy(owners: readonly Wallet[], { name, owner, salt }: SmartAccountWallet): Wallet | undefined {
  const signs = owners.find((each) => each.name === owner)
  if (!signs?.signer.forAccount) return undefined
  const { address } = smartAccountOf(signs.address as Hex, salt)
  return {
    ...{ name, kind: 'smart-account', address, network: signs.network },
    owner: { name: owner, address: signs.address, salt },
    signer: signs.signer.forAccount(address),
  }
}
