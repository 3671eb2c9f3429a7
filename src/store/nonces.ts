import type { Journal, JournalTransaction } from './journal.ts'
import { requireOpen } from './openSteps.ts'
import { padNumber, unpadNumber } from './paddedNumber.ts'
import type { StepRow } from './schema.ts'

/** Who holds which nonce; the fence that every process shares (R4). */
export class NonceTableStore {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /**
   * Gives the step the lowest nonce at or above `floor` that no step holds or ever used; the same one when it is
   * asked again. `floor` is the account's count of mined transactions: below it the chain accepts nothing. Throws
   * `receipt_refused` when the step's operation has ended.
   */
  reserve(step: Pick<StepRow, 'id' | 'chain' | 'account'>, floor: bigint): Promise<bigint> {
    return this.#journal.transact(async (tx, audit) => {
      const own = await tx
        .selectFrom('nonces')
        .select('nonce')
        .where('step_id', '=', step.id)
        .executeTakeFirst()
      if (own) return unpadNumber(own.nonce)
      await requireOpen(tx, step)
      const nonce = await lowestFree(tx, step, floor)
      const now = this.#journal.now()
      const { chain, account } = step
      await tx
        .insertInto('nonces')
        .values({
          chain,
          account,
          nonce: padNumber(nonce),
          step_id: step.id,
          state: 'reserved',
          updated_at: now,
        })
        .execute()
      await tx
        .updateTable('steps')
        .set({ state: 'reserved', updated_at: now })
        .where('id', '=', step.id)
        .execute()
      await audit({
        event: 'nonce.reserved',
        subject: step.id,
        detail: { account, chain, nonce: nonce.toString() },
      })
      return nonce
    })
  }
}

async function lowestFree(
  tx: JournalTransaction,
  lane: Pick<StepRow, 'chain' | 'account'>,
  floor: bigint,
): Promise<bigint> {
  const taken = await tx
    .selectFrom('nonces')
    .select('nonce')
    .where('chain', '=', lane.chain)
    .where('account', '=', lane.account)
    .where('nonce', '>=', padNumber(floor))
    .orderBy('nonce')
    .execute()
  let free = floor
  for (const row of taken) {
    if (unpadNumber(row.nonce) !== free) break
    free += 1n
  }
  return free
}
