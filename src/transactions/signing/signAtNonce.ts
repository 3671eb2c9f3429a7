import type { SignedTransaction } from '../../chains/adapter.ts'
import { BursarError, isBursarError } from '../../errors/bursarError.ts'
import type { ErrorCode } from '../../errors/catalogue.ts'
import type { NonceStore } from '../../nonces/nonceStore.ts'
import { unpadNumber } from '../../store/database/paddedNumber.ts'
import type { AttemptRow, StepRow } from '../../store/schema.ts'
import type { AskedSignatures } from '../../store/steps/askedSignatures.ts'
import type { StepStore } from '../../store/steps/steps.ts'

/** After two refusals the journal itself gives the nonce; the rest is for what else may happen meanwhile. */
const TRIES = 5

/** Nothing waits behind a nonce that nobody uses now: its step has ended, another one comes first, or nothing is signed. */
const FREES_NONCE: ReadonlySet<string> = new Set([
  'receipt_refused',
  'allowance_in_use',
  'halted',
] satisfies ErrorCode[])

interface Work {
  readonly nonces: NonceStore
  readonly steps: StepStore
  /** What is known of signatures that are made elsewhere; absent: it is made here. */
  readonly elsewhere?: Pick<AskedSignatures, 'nonceOf'>
}

type NoncesOf = { readonly nonces: NonceStore; readonly elsewhere: Work['elsewhere'] }

/**
 * Reserves a nonce, signs and records. When the journal knows another holder of the nonce, the bytes are forgotten
 * before anybody has seen them, and it begins again at another one (R4). The attempt that comes back is the one to
 * send, whoever has signed it (R2). Throws `nonce_taken` when that happens again and again.
 *
 * Bytes that were made elsewhere others have seen: if the nonce that they were asked for at was used meanwhile, it may have
 * been by them. They are not asked for at another one (R2): `signature_astray`.
 */
export async function signAtNonce(
  { nonces, steps, elsewhere }: Work,
  step: StepRow,
  floor: bigint,
  documents: Pick<StepRow, 'receipt'>,
  sign: (nonce: bigint) => Promise<SignedTransaction>,
): Promise<AttemptRow> {
  for (let tries = 1; ; tries++) {
    const nonce = await reserveAt({ nonces, elsewhere }, step, floor)
    const signed = await sign(nonce)
    try {
      const attempt = await steps.recordAttempt(step, nonce, signed, documents)
      // Nothing depends on it, so nothing waits for it.
      void nonces.recorded(step, unpadNumber(attempt.nonce))
      return attempt
    } catch (error) {
      await requireOtherNonce({ nonces, elsewhere }, step, nonce, error)
      if (tries === TRIES) throw error
    }
  }
}

/** Throws what recording threw, unless it may be tried at another nonce. */
async function requireOtherNonce(
  { nonces, elsewhere }: NoncesOf,
  step: StepRow,
  nonce: bigint,
  error: unknown,
): Promise<void> {
  // Bytes that were made elsewhere may be sent by others: a step that goes on asks for the same ones again (R2).
  const mayGoOn = elsewhere && !isBursarError(error, 'receipt_refused')
  if (isBursarError(error) && FREES_NONCE.has(error.code) && !mayGoOn) await nonces.release(step)
  if (!isBursarError(error, 'nonce_taken')) throw error
  await nonces.refused(step, nonce)
  if (elsewhere) throw astray(nonce, step)
}

/** What was reserved before a stranger's transaction used that nonce, and never signed, is given back (F8). */
async function reserveAt({ nonces, elsewhere }: NoncesOf, step: StepRow, floor: bigint): Promise<bigint> {
  const before = await elsewhere?.nonceOf(step.id)
  const nonce = await nonces.reserve(step, floor)
  // What it was asked for before, at a nonce that is used or that the step has lost, may have been signed.
  if (before !== undefined && (before !== nonce || nonce < floor)) throw astray(before, step)
  if (nonce >= floor) return nonce
  await nonces.release(step)
  return nonces.reserve(step, floor)
}

function astray(nonce: bigint, { chain }: StepRow): BursarError {
  return new BursarError('signature_astray', { nonce: nonce.toString() }, { chain, sideEffect: 'possible' })
}
