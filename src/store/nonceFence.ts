import { BursarError } from '../errors/bursarError.ts'
import type { JournalTransaction } from './journal.ts'
import { padNumber } from './paddedNumber.ts'
import type { StepRow } from './schema.ts'

/**
 * Makes the nonce of signed bytes the step's own, in the transaction that records them. Throws `nonce_taken` when the
 * journal knows that another step holds that nonce, or that this one holds another: whoever gave the nonce out did not
 * know, and the bytes must be forgotten (R4).
 */
export async function takeSigned(
  tx: JournalTransaction,
  step: Pick<StepRow, 'id' | 'chain' | 'account'>,
  nonce: bigint,
  now: string,
): Promise<void> {
  const { id, chain, account } = step
  const padded = padNumber(nonce)
  const { numUpdatedRows } = await tx
    .updateTable('nonces')
    .set({ state: 'signed', updated_at: now })
    .where('step_id', '=', id)
    .where('chain', '=', chain)
    .where('account', '=', account)
    .where('nonce', '=', padded)
    .executeTakeFirst()
  if (numUpdatedRows > 0n) return
  const other = await tx
    .selectFrom('nonces')
    .select('step_id')
    .where((or) =>
      or.or([
        or('step_id', '=', id),
        or.and([or('chain', '=', chain), or('account', '=', account), or('nonce', '=', padded)]),
      ]),
    )
    .executeTakeFirst()
  if (other) throw new BursarError('nonce_taken', { nonce: nonce.toString() }, { chain })
  const row = { chain, account, nonce: padded, step_id: id, state: 'signed' as const, updated_at: now }
  await tx.insertInto('nonces').values(row).execute()
}
