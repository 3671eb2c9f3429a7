import type { SignedTransaction } from '../chains/adapter.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { NonceStore } from '../nonces/nonceStore.ts'
import { unpadNumber } from '../store/paddedNumber.ts'
import type { AttemptRow, StepRow } from '../store/schema.ts'
import type { StepStore } from '../store/steps.ts'

/** After two refusals the journal itself gives the nonce; the rest is for what else may happen meanwhile. */
const TRIES = 5

interface Work {
  readonly nonces: NonceStore
  readonly steps: StepStore
}

/**
 * Reserves a nonce, signs and records. When the journal knows another holder of the nonce, the bytes are forgotten
 * before anybody has seen them, and it begins again at another one (R4). The attempt that comes back is the one to
 * send, whoever has signed it (R2). Throws `nonce_taken` when that happens again and again.
 */
export async function signAtNonce(
  { nonces, steps }: Work,
  step: StepRow,
  floor: bigint,
  documents: Pick<StepRow, 'receipt'>,
  sign: (nonce: bigint) => Promise<SignedTransaction>,
): Promise<AttemptRow> {
  for (let tries = 1; ; tries++) {
    const nonce = await reserveAt(nonces, step, floor)
    const signed = await sign(nonce)
    try {
      const attempt = await steps.recordAttempt(step, nonce, signed, documents)
      // Nothing depends on it, so nothing waits for it.
      void nonces.recorded(step, unpadNumber(attempt.nonce))
      return attempt
    } catch (error) {
      // The step has ended meanwhile: nothing waits behind a nonce that nobody will use.
      if (isBursarError(error, 'receipt_refused')) await nonces.release(step)
      if (!isBursarError(error, 'nonce_taken')) throw error
      await nonces.refused(step, nonce)
      if (tries === TRIES) throw error
    }
  }
}

/** What was reserved before a stranger's transaction used that nonce, and never signed, is given back (F8). */
async function reserveAt(nonces: NonceStore, step: StepRow, floor: bigint): Promise<bigint> {
  const nonce = await nonces.reserve(step, floor)
  if (nonce >= floor) return nonce
  await nonces.release(step)
  return nonces.reserve(step, floor)
}
