import type { Action, Batch } from '../../chains/actions.ts'
import type { ChainAdapter } from '../../chains/adapter.ts'
import type { ChainDirectory } from '../../chains/directory.ts'
import type { Chain } from '../../chains/types.ts'
import { nearest } from '../../config/nearest.ts'
import { BursarError, isBursarError } from '../../errors/bursarError.ts'
import { normalName } from '../../evm/reads/names.ts'
import type { BlockRef } from '../../primitives/chainRef.ts'
import { skeleton } from '../../primitives/skeleton.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import type { ContactStore } from '../../store/contacts.ts'
import type { WalletBook } from '../../wallets/walletBook.ts'
import { callField, type Requested } from '../preparing/requestedActions.ts'
import { contactName } from './contactNames.ts'

/** A name that stood for an address when a payment was prepared: kept in its plan, and looked up again before it is signed. */
export interface NamedRecipient {
  /** Which argument it is for. */
  readonly field: string
  /** Normalised. */
  readonly name: string
  readonly by: 'contact' | 'ens'
  readonly address: string
  /** The caller gave the name. Absent: it gave the address, and the address book knows it. */
  readonly asked?: true
  /** Of an ENS name: the key of its record, and when it was read on which chain. */
  readonly node?: string
  readonly chain?: string
  readonly block?: BlockRef
}

/** What is asked for with every name resolved. */
export interface Resolved {
  readonly requested: { readonly action: Action; readonly batch?: never } | ResolvedBatch
  readonly names: readonly NamedRecipient[]
}

interface ResolvedBatch {
  readonly batch: Batch
  readonly action?: never
}

export interface RecipientDependencies {
  readonly contacts: Pick<ContactStore, 'find' | 'nameOf' | 'list' | 'lookingLike'>
  readonly wallets: WalletBook
  readonly directory: ChainDirectory
}

/** More slips than this and another name was meant. */
const SLIPS = 2

/** Turns names into addresses, and says what addresses are called. */
export class Recipients {
  readonly #deps: RecipientDependencies

  constructor(deps: RecipientDependencies) {
    this.#deps = deps
  }

  /** Throws `recipient_unknown`, `name_invalid`, `name_ambiguous`, `name_unresolved` and `names_unavailable`. */
  async resolve(requested: Requested, adapter: ChainAdapter, signal: AbortSignal): Promise<Resolved> {
    const { names } = requested
    const { chain } = adapter
    await Promise.all(names.flatMap((each) => (each.wallet ? [this.#requireNoContact(each, chain)] : [])))
    const asked = await Promise.all(
      names.flatMap((each) => (each.wallet ? [] : [this.#lookUp(each.given, each.field, chain, signal)])),
    )
    const addressOf = (to: string, field: string) => asked.find((each) => each.field === field)?.address ?? to
    if (requested.action) {
      const action = { ...requested.action, to: addressOf(requested.action.to, 'to') }
      return { requested: { action }, names: await this.#withKnown(asked, [['to', action.to]], chain) }
    }
    const { actions: given, ...more } = requested.batch
    const actions = given.map((each, at) => ({ ...each, to: addressOf(each.to, callField(at)) }))
    const fields = actions.map(({ to }, at) => [callField(at), to] as const)
    return { requested: { batch: { actions, ...more } }, names: await this.#withKnown(asked, fields, chain) }
  }

  /** Throws `name_moved` when a name that the caller gave stands for another address by now (T9). */
  async requireUnmoved(
    names: readonly NamedRecipient[] | undefined,
    chain: Chain,
    signal: AbortSignal,
  ): Promise<void> {
    const asked = (names ?? []).filter((each) => each.asked)
    await Promise.all(
      asked.map(async ({ field, name, address }) => {
        const now = await this.#addressNow(name, field, chain, signal)
        if (now === address) return
        throw new BursarError('name_moved', { name, prepared: address, now }, { chain: chain.id })
      }),
    )
  }

  /** Those of the addresses that the operator has vouched for by putting them into the address book. */
  async inBook(addresses: readonly string[], chain: Chain): Promise<ReadonlySet<string>> {
    const { contacts } = this.#deps
    const known = await Promise.all(
      addresses.map(async (each) => ((await contacts.nameOf(each, chain.id)) === undefined ? [] : [each])),
    )
    return new Set(known.flat())
  }

  async #addressNow(
    name: string,
    field: string,
    chain: Chain,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    try {
      return (await this.#lookUp(name, field, chain, signal)).address
    } catch (error) {
      const isGone = isBursarError(error, 'name_unresolved') || isBursarError(error, 'recipient_unknown')
      if (isGone) return undefined
      throw error
    }
  }

  #lookUp(given: string, field: string, chain: Chain, signal: AbortSignal): Promise<NamedRecipient> {
    return given.includes('.')
      ? this.#inEns(given, field, chain, signal)
      : this.#inContacts(given, field, chain)
  }

  async #inContacts(given: string, field: string, chain: Chain): Promise<NamedRecipient> {
    const { contacts, wallets } = this.#deps
    const { name, skeleton: look } = await contactName(given, field)
    const found = await contacts.find(name, chain.id)
    if (found) return { field, name, by: 'contact', address: found.address, asked: true }
    const shown = untrusted(given, 80).untrusted
    const known = await contacts.list()
    const here = known.filter((each) => each.chain === '*' || each.chain === chain.id)
    const own = [...here.map((each) => each.name), ...wallets.on(chain).map((each) => each.name)]
    const alike = own.filter((each) => skeleton(each) === look)
    const near = alike.length > 0 ? alike : [nearest(name, own, SLIPS)?.name ?? '']
    const context = { field, given: shown, near: near.filter((each) => each !== '') }
    throw new BursarError('recipient_unknown', context, { chain: chain.id })
  }

  async #inEns(given: string, field: string, chain: Chain, signal: AbortSignal): Promise<NamedRecipient> {
    const { directory } = this.#deps
    const shown = untrusted(given, 80).untrusted
    const { name, refused } = await normalName(given)
    if (name === undefined) {
      const reason =
        'ENSIP-15 does not allow it (it mixes scripts, looks like another one, or has what no name has)'
      const quoted = { quoted: refused, chain: chain.id }
      throw new BursarError('name_invalid', { field, given: shown, reason }, quoted)
    }
    await this.#requireOwnLook(name, field, chain)
    const home = directory.known().find(({ network, contracts }) => {
      return network === chain.network && contracts['ensRegistry'] !== undefined
    })
    const unavailable = (reason: string) =>
      new BursarError('names_unavailable', { given: shown, reason }, { chain: chain.id })
    if (!home)
      throw unavailable(
        `there is no ENS for ${chain.name}: it is on Ethereum and, for test networks, on Sepolia`,
      )
    if (!directory.configured().some(({ id }) => id === home.id))
      throw unavailable(`ENS is on ${home.name}, and no endpoint of it is configured (${home.env}_RPC_URL)`)
    const adapter = await directory.adapter(home.id)
    const { node, address, block } = await adapter.resolveName(name, chain.id, signal)
    return { field, name, by: 'ens', address, asked: true, node, chain: home.id, block }
  }

  /** Throws `name_invalid` for an ENS name whose first part looks like a contact or a wallet, and is not it (T8). */
  async #requireOwnLook(name: string, field: string, chain: Chain): Promise<void> {
    const { contacts, wallets } = this.#deps
    const [label = ''] = name.split('.')
    const look = skeleton(label)
    const contact = await contacts.lookingLike(look)
    const wallet = wallets.on(chain).find((each) => skeleton(each.name) === look)?.name
    const other = contact ?? wallet
    if (other === undefined || other === label) return
    const reason = `its first part looks like "${other}", which you have as a ${contact === undefined ? 'wallet' : 'contact'}`
    throw new BursarError('name_invalid', { field, given: name, reason }, { chain: chain.id })
  }

  /** Wallets and contacts may come to have one name after both were made. Throws `name_ambiguous`. */
  async #requireNoContact({ given, wallet }: Requested['names'][number], chain: Chain): Promise<void> {
    const found = await this.#deps.contacts.find(given.toLowerCase(), chain.id)
    if (!found || found.address === wallet) return
    const addresses = [`${wallet ?? ''} (wallet)`, `${found.address} (contact)`]
    const context = { given: found.name, what: 'party', addresses }
    throw new BursarError('name_ambiguous', context, { chain: chain.id })
  }

  /** Adds what the address book calls those who were given by address. */
  async #withKnown(
    asked: readonly NamedRecipient[],
    fields: readonly (readonly [field: string, address: string])[],
    chain: Chain,
  ): Promise<readonly NamedRecipient[]> {
    const plain = fields.filter(([field]) => !asked.some((each) => each.field === field))
    const known = await Promise.all(
      plain.map(async ([field, address]): Promise<readonly NamedRecipient[]> => {
        const name = await this.#deps.contacts.nameOf(address, chain.id)
        return name === undefined ? [] : [{ field, name, by: 'contact', address }]
      }),
    )
    return [...asked, ...known.flat()]
  }
}
