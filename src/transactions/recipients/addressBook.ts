import type { ChainRegistry } from '../../chains/registry.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { parseRecipient } from '../../evm/address.ts'
import { lookalikeKeys } from '../../primitives/lookalikes.ts'
import { skeleton } from '../../primitives/skeleton.ts'
import { ANY_CHAIN, type ContactStore } from '../../store/contacts.ts'
import type { ContactRow } from '../../store/schema.ts'
import { contactName } from './contactNames.ts'
import type { Lookalikes } from './lookalikes.ts'

export interface NewContact {
  readonly name: string
  readonly address: string
  /** CAIP-2 id or alias; every chain when absent. */
  readonly chain?: string | undefined
  /** It is meant although it looks like an address that is known. */
  readonly evenIfAlike?: boolean | undefined
}

export interface AddressBookDependencies {
  readonly contacts: ContactStore
  readonly lookalikes: Lookalikes
  readonly registry: ChainRegistry
  /** Names of all wallets: a contact of that name would be paid for them, or they for it. */
  readonly walletNames: readonly string[]
  /** Those whose accounts are known: an address that looks like one of them is as bad. */
  readonly wallets: readonly { readonly name: string; readonly address: string }[]
}

/** What the operator does with the address book. Tools cannot reach it. */
export class AddressBook {
  readonly #deps: AddressBookDependencies

  constructor(deps: AddressBookDependencies) {
    this.#deps = deps
  }

  /**
   * Throws `name_invalid`, `address_invalid`, `recipient_refused`, `contact_refused`, and `recipient_lookalike`: who
   * copies an address from a list of transactions may copy poison.
   */
  async add({ name: given, address: text, chain, evenIfAlike }: NewContact): Promise<ContactRow['name']> {
    const { contacts, lookalikes } = this.#deps
    const named = await this.#name(given)
    const address = parseRecipient(text, 'ADDRESS')
    const keys = lookalikeKeys(address)
    if (!keys) throw new TypeError(`${address} is no EVM address`)
    const place = this.#place(chain)
    if (!evenIfAlike) await lookalikes.requireNone([address], this.#deps.wallets)
    await contacts.add({ ...named, chain: place, address, ...keys })
    return named.name
  }

  list(): Promise<readonly ContactRow[]> {
    return this.#deps.contacts.list()
  }

  /** Throws `name_invalid` and `contact_refused`. */
  async rename(from: string, to: string): Promise<ContactRow['name']> {
    const { name } = await contactName(from, 'NAME')
    const named = await this.#name(to)
    await this.#deps.contacts.rename(name, named)
    return named.name
  }

  /** Throws `name_invalid` and `contact_refused`. */
  async remove(given: string, chain?: string): Promise<ContactRow['name']> {
    const { name } = await contactName(given, 'NAME')
    await this.#deps.contacts.remove({ name, chain: this.#place(chain) })
    return name
  }

  #place(chain: string | undefined): string {
    return chain === undefined ? ANY_CHAIN : this.#deps.registry.resolve(chain).id
  }

  async #name(given: string) {
    const named = await contactName(given, 'NAME')
    const wallet = this.#deps.walletNames.find((each) => skeleton(each) === named.skeleton)
    if (wallet === undefined) return named
    const reason = wallet === named.name ? 'a wallet has that name' : `it looks like the wallet "${wallet}"`
    throw new BursarError('contact_refused', { name: named.name, reason })
  }
}
