import { BursarError } from '../errors/bursarError.ts'
import type { Journal } from './journal.ts'

/** Which chains this journal is about. */
export class ChainIdentities {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /**
   * Remembers the first block of a chain that is used for the first time. Throws `chain_replaced` when another chain
   * had this id before: a test chain that was started afresh, or a fork.
   */
  async confirm(chain: { readonly id: string; readonly name: string }, genesis: string): Promise<void> {
    const known = await this.#journal.read((db) =>
      db.selectFrom('chains').select('genesis').where('id', '=', chain.id).executeTakeFirst(),
    )
    const recorded = known?.genesis ?? (await this.#remember(chain.id, genesis))
    if (recorded !== genesis) {
      const context = { name: chain.name, recorded, found: genesis }
      throw new BursarError('chain_replaced', context, { chain: chain.id })
    }
  }

  #remember(id: string, genesis: string): Promise<string> {
    return this.#journal.transact(async (tx, audit) => {
      const first = await tx.selectFrom('chains').select('genesis').where('id', '=', id).executeTakeFirst()
      if (first) return first.genesis
      await tx.insertInto('chains').values({ id, genesis, first_used_at: this.#journal.now() }).execute()
      audit({ event: 'chain.first-used', subject: id, detail: { genesis } })
      return genesis
    })
  }
}
