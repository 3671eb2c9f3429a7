import { isBursarError } from '../../errors/bursarError.ts'
import type { StepRow } from '../../store/schema.ts'
import type { AskedSignatures } from '../../store/steps/askedSignatures.ts'
import type { TransactionSigner } from '../../wallets/signer.ts'

/**
 * Has a step signed. Of a signer elsewhere it is noted before that it is asked: what it has signed may be sent by others
 * whatever becomes of its answer (R14). Throws what `sign` does, and `receipt_refused` when the step has ended.
 */
export async function signNoted<T>(
  asked: AskedSignatures,
  { made }: Pick<TransactionSigner, 'made'>,
  step: StepRow,
  nonce: bigint,
  sign: () => Promise<T>,
): Promise<T> {
  if (made === 'here') return sign()
  await asked.note(step, nonce)
  try {
    return await sign()
  } catch (error) {
    if (isBursarError(error, 'signer_refused')) await asked.refused(step.id)
    throw error
  }
}
