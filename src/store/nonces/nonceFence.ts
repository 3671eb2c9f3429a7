import { BursarError } from '../../errors/bursarError.ts'
import { compiledChange, insertRow, type Values } from '../database/compiled.ts'
import { padNumber } from '../database/paddedNumber.ts'
import type { JournalTransaction } from '../journal.ts'
import type { StepRow } from '../schema.ts'

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
  if ((await markSigned(tx, { id, chain, account, nonce: padded, now })) > 0n) return
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
  await insertRow(tx, 'nonces', row)
}

const markSigned = compiledChange(
  (db, value: Values<Pick<StepRow, 'id' | 'chain' | 'account'> & { nonce: string; now: string }>) =>
    db
      .updateTable('nonces')
      .set({ state: 'signed', updated_at: value('now') })
      .where('step_id', '=', value('id'))
      .where('chain', '=', value('chain'))
      .where('account', '=', value('account'))
      .where('nonce', '=', value('nonce')),
)
