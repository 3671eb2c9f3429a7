import { BursarError } from '../errors/bursarError.ts'
import { compiled, insertRow, type Values } from './database/compiled.ts'
import type { Journal } from './journal.ts'
import type { TokenRow } from './schema.ts'

export type NewToken = Omit<TokenRow, 'created_at' | 'revoked_at' | 'last_used_at'>

/** Digits of an ISO 8601 time up to its hour. */
const HOUR_DIGITS = 13

const tokenById = compiled((db, value: Values<{ id: string }>) =>
  db.selectFrom('tokens').selectAll().where('id', '=', value('id')),
)

/** Bearer tokens. What is written here holds for the next request of every process: nothing keeps a copy. */
export class TokenStore {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** Throws `token_refused` when a token that is not revoked has that name. */
  create(token: NewToken): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      const taken = await tx
        .selectFrom('tokens')
        .select('id')
        .where('name', '=', token.name)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      if (taken)
        throw new BursarError('token_refused', { reason: `there is a token "${token.name}" already` })
      const row = { ...token, created_at: this.#journal.now(), revoked_at: null, last_used_at: null }
      await insertRow(tx, 'tokens', row)
      const { name, principal, scopes, audience, expires_at } = row
      const detail = { name, principal, scopes, audience, expires: expires_at ?? 'never' }
      audit({ event: 'token.created', subject: row.id, detail })
    })
  }

  /** Ends a token by its name or id, for good. Throws `token_refused` when there is none to end. */
  revoke(reference: string): Promise<TokenRow> {
    return this.#journal.transact(async (tx, audit) => {
      const found = await tx
        .selectFrom('tokens')
        .selectAll()
        .where((or) => or.or([or('name', '=', reference), or('id', '=', reference)]))
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      if (!found)
        throw new BursarError('token_refused', { reason: 'there is no such token that is not revoked' })
      const revoked = { revoked_at: this.#journal.now() }
      await tx.updateTable('tokens').set(revoked).where('id', '=', found.id).execute()
      audit({ event: 'token.revoked', subject: found.id, detail: { name: found.name } })
      return { ...found, ...revoked }
    })
  }

  find(id: string): Promise<TokenRow | undefined> {
    return this.#journal.read(async (db) => (await tokenById(db, { id }))[0])
  }

  /** Oldest first, those that were revoked too. */
  list(): Promise<readonly TokenRow[]> {
    return this.#journal.read((db) =>
      db.selectFrom('tokens').selectAll().orderBy('created_at').orderBy('id').execute(),
    )
  }

  /** Notes that it was used in this hour; writes once an hour. */
  async noteUse({ id, last_used_at: known }: TokenRow): Promise<void> {
    const hour = `${this.#journal.now().slice(0, HOUR_DIGITS)}:00:00.000Z`
    if (known === hour) return
    await this.#journal.transact((tx) =>
      tx.updateTable('tokens').set({ last_used_at: hour }).where('id', '=', id).execute(),
    )
  }

  /** Why it is not good any more, by the clock of the journal; undefined while it is. */
  whyEnded({ revoked_at, expires_at }: TokenRow): 'revoked' | 'expired' | undefined {
    if (revoked_at !== null) return 'revoked'
    return expires_at !== null && expires_at <= this.#journal.now() ? 'expired' : undefined
  }
}
