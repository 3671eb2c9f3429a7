import { padNumber, unpadNumber } from '../database/paddedNumber.ts'
import type { Journal } from '../journal.ts'
import type { StepRow } from '../schema.ts'
import { openStep, requireOpen } from './openSteps.ts'

/** What a step says that was given up although a signer elsewhere may have signed it. */
export const astrayNote = (why: string, nonce: string) =>
  `${why.replace(/\.?$/, '.')} Its signer was asked for it at nonce ${unpadNumber(nonce)} and may have signed it: whether it happens is known once that nonce is used, and until then it counts as if it did.`

/**
 * Which steps were handed to a signer elsewhere. It may have signed whatever it was asked and has not refused, be its
 * answer lost, wrong or late: who has that signature can have the step included for as long as its nonce is free.
 */
export class AskedSignatures {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** Before it is asked. Throws `receipt_refused` when the step has ended. */
  note(step: Pick<StepRow, 'id' | 'chain'>, nonce: bigint): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      requireOpen(await openStep(tx, step.id), step)
      await tx
        .updateTable('steps')
        .set(({ eb }) => ({ asked_nonce: padNumber(nonce), asks: eb('asks', '+', 1) }))
        .where('id', '=', step.id)
        .execute()
      audit({ event: 'signature.asked', subject: step.id, detail: { nonce: nonce.toString() } })
    })
  }

  /** It said that it did not sign, this time: what it was asked before without an answer stays. */
  refused(stepId: string): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      const left = await tx
        .updateTable('steps')
        .set(({ eb }) => ({ asks: eb('asks', '-', 1) }))
        .where('id', '=', stepId)
        .returning('asks')
        .executeTakeFirstOrThrow()
      if (left.asks === 0)
        await tx.updateTable('steps').set({ asked_nonce: null }).where('id', '=', stepId).execute()
      audit({ event: 'signature.refused', subject: stepId, detail: {} })
    })
  }

  /** The nonce at which there may be a signature of the step. */
  async nonceOf(stepId: string): Promise<bigint | undefined> {
    const row = await this.#journal.read((db) =>
      db.selectFrom('steps').select('asked_nonce').where('id', '=', stepId).executeTakeFirstOrThrow(),
    )
    return row.asked_nonce === null ? undefined : unpadNumber(row.asked_nonce)
  }

  /** Which step has signed bytes of this hash; undefined when the journal has none. */
  async stepOf(hash: string): Promise<string | undefined> {
    const row = await this.#journal.read((db) =>
      db.selectFrom('attempts').select('step_id').where('hash', '=', hash).executeTakeFirst(),
    )
    return row?.step_id
  }
}
