import { BursarError } from '../../errors/bursarError.ts'
import { lookalikeKeys, type Resemblance, resemblance } from '../../primitives/lookalikes.ts'
import type { ContactStore } from '../../store/contacts.ts'
import type { IntentStore } from '../../store/intents.ts'

/** An address that is known, and by what. */
interface Known {
  readonly address: string
  readonly whose: string
}

/**
 * Refuses who is not one of those we know and looks like one (T5): contacts, our own wallets, and whom payments of ours
 * went to that are in a block. What strangers send to us, or make tokens tell of us, is not asked: it never makes anybody
 * known (T6).
 */
export class Lookalikes {
  readonly #contacts: Pick<ContactStore, 'alike'>
  readonly #intents: Pick<IntentStore, 'paidAlike'>

  constructor(contacts: Pick<ContactStore, 'alike'>, intents: Pick<IntentStore, 'paidAlike'>) {
    this.#contacts = contacts
    this.#intents = intents
  }

  /** Throws `recipient_lookalike` for the first of the addresses that looks like one that is known. */
  async requireNone(
    addresses: readonly string[],
    own: readonly { readonly name: string; readonly address: string }[] = [],
    chain?: string,
  ): Promise<void> {
    for (const recipient of new Set(addresses)) {
      const found = await this.#like(recipient, own)
      if (!found) continue
      const { address, whose, alike } = found
      const context = { recipient, known: address, whose, alike: WORDS[alike] }
      throw new BursarError('recipient_lookalike', context, chain === undefined ? {} : { chain })
    }
  }

  async #like(
    recipient: string,
    own: readonly { readonly name: string; readonly address: string }[],
  ): Promise<(Known & { readonly alike: Resemblance }) | undefined> {
    const keys = lookalikeKeys(recipient)
    if (!keys) return undefined
    const [contacts, paid] = await Promise.all([this.#contacts.alike(keys), this.#intents.paidAlike(keys)])
    const known: readonly Known[] = [
      ...contacts.map(({ name, address }) => ({ address, whose: `the contact "${name}"` })),
      ...own.map(({ name, address }) => ({ address, whose: `the wallet "${name}"` })),
      ...paid.map((address) => ({ address, whose: 'which was paid before' })),
    ]
    // Who is known may look like somebody else who is: the operator has added both, or paid both.
    if (known.some(({ address }) => address === recipient)) return undefined
    for (const each of known) {
      const alike = resemblance(recipient, each.address)
      if (alike !== undefined) return { ...each, alike }
    }
    return undefined
  }
}

const WORDS: Readonly<Record<Resemblance, string>> = {
  ends: 'its first and last four digits are the same',
  'one digit': 'all but one digit are the same',
  'swapped digits': 'two digits are swapped',
}
