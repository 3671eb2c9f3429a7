import { BursarError } from '../errors/bursarError.ts'
import type { LookalikeKeys } from '../primitives/lookalikes.ts'
import { compiled, insertRow, type Values } from './database/compiled.ts'
import type { JournalDb } from './database/database.ts'
import type { Journal, JournalTransaction } from './journal.ts'
import type { ContactRow } from './schema.ts'

/** On every chain. */
export const ANY_CHAIN = '*'

/** By name: on a chain before on every chain. */
const contactByName = compiled((db, value: Values<{ name: string; chain: string }>) =>
  db
    .selectFrom('contacts')
    .selectAll()
    .where('name', '=', value('name'))
    .where((or) => or.or([or('chain', '=', value('chain')), or('chain', '=', ANY_CHAIN)]))
    .orderBy('chain', 'desc'),
)

const contactByAddress = compiled((db, value: Values<{ address: string; chain: string }>) =>
  db
    .selectFrom('contacts')
    .selectAll()
    .where('address', '=', value('address'))
    .where((or) => or.or([or('chain', '=', value('chain')), or('chain', '=', ANY_CHAIN)]))
    .orderBy('chain', 'desc')
    .orderBy('name'),
)

const contactsAlike = compiled((db, value: Values<LookalikeKeys>) =>
  db
    .selectFrom('contacts')
    .select(['name', 'address'])
    .where((or) =>
      or.or([or('ends', '=', value('ends')), or('head', '=', value('head')), or('tail', '=', value('tail'))]),
    ),
)

const contactsWithSkeleton = compiled((db, value: Values<{ skeleton: string }>) =>
  db.selectFrom('contacts').select('name').where('skeleton', '=', value('skeleton')),
)

/** A name of the address book, and a chain (CAIP-2 id) or `*`. */
export type ContactKey = Pick<ContactRow, 'name' | 'chain'>

/** The address book. Names are normalised by who calls; only the operator's commands write here (T37). */
export class ContactStore {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** Whom a name stands for on a chain. */
  find(name: string, chain: string): Promise<ContactRow | undefined> {
    return this.#journal.read(async (db) => (await contactByName(db, { name, chain }))[0])
  }

  /** What an address is called on a chain. */
  nameOf(address: string, chain: string): Promise<string | undefined> {
    return this.#journal.read(async (db) => (await contactByAddress(db, { address, chain }))[0]?.name)
  }

  /** Contacts whose address may look like one, on whatever chain. */
  alike({ ends, head, tail }: LookalikeKeys): Promise<readonly Pick<ContactRow, 'name' | 'address'>[]> {
    return this.#journal.read((db) => contactsAlike(db, { ends, head, tail }))
  }

  /** A contact whose name looks like one of this skeleton. */
  lookingLike(skeleton: string): Promise<string | undefined> {
    return this.#journal.read(async (db) => (await contactsWithSkeleton(db, { skeleton }))[0]?.name)
  }

  list(): Promise<readonly ContactRow[]> {
    return this.#journal.read((db) =>
      db.selectFrom('contacts').selectAll().orderBy('name').orderBy('chain').execute(),
    )
  }

  /** Throws `contact_refused` when the name is taken there, or looks like that of another contact (T8). */
  add(contact: Omit<ContactRow, 'created_at'>): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      await requireOwnLook(tx, contact)
      if (await rowOf(tx, contact)) throw refused(contact.name, 'there is one of that name already')
      await insertRow(tx, 'contacts', { ...contact, created_at: this.#journal.now() })
      const { name, chain, address } = contact
      audit({ event: 'contact.added', subject: name, detail: { chain, address } })
    })
  }

  /** On every chain at once: a name is one party. Throws `contact_refused`. */
  rename(from: string, to: Pick<ContactRow, 'name' | 'skeleton'>): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      const known = await tx.selectFrom('contacts').select('name').where('name', '=', from).execute()
      if (known.length === 0) throw refused(from, 'there is no contact of that name')
      await requireOwnLook(tx, to, from)
      const taken = await tx.selectFrom('contacts').select('name').where('name', '=', to.name).execute()
      if (taken.length > 0) throw refused(from, `"${to.name}" is the name of another contact`)
      await tx.updateTable('contacts').set(to).where('name', '=', from).execute()
      audit({ event: 'contact.renamed', subject: from, detail: { to: to.name } })
    })
  }

  /** Throws `contact_refused` when there is none. */
  remove(key: ContactKey): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      const row = await rowOf(tx, key)
      if (!row) throw refused(key.name, `there is no contact of that name for chain ${key.chain}`)
      await tx.deleteFrom('contacts').where('name', '=', key.name).where('chain', '=', key.chain).execute()
      audit({
        event: 'contact.removed',
        subject: key.name,
        detail: { chain: key.chain, address: row.address },
      })
    })
  }
}

function rowOf(db: JournalDb | JournalTransaction, { name, chain }: ContactKey) {
  return db
    .selectFrom('contacts')
    .select('address')
    .where('name', '=', name)
    .where('chain', '=', chain)
    .executeTakeFirst()
}

/** Throws `contact_refused` when a name looks like that of another contact. */
async function requireOwnLook(
  tx: JournalTransaction,
  { name, skeleton }: Pick<ContactRow, 'name' | 'skeleton'>,
  except = name,
): Promise<void> {
  const alike = await contactsWithSkeleton(tx, { skeleton })
  const other = alike.find((each) => each.name !== name && each.name !== except)
  if (other) throw refused(name, `it looks like the contact "${other.name}"`)
}

function refused(name: string, reason: string): BursarError {
  return new BursarError('contact_refused', { name, reason })
}
