import type { SubmitResult } from '../../chains/submitResult.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import type { SendAnswer, SendChannel } from '../../rpc/pool/sends.ts'
import { refusalOf, wordsOf } from './sendRefusals.ts'

/**
 * Hands signed bytes to every endpoint that works. The hash is known beforehand, so one acceptance is enough, and
 * "already known" is one; everything else proves nothing about the bytes, not even a refusal: another endpoint, or
 * an earlier try whose answer was lost, may have them in the pool (R14).
 */
export async function submitRaw(sends: SendChannel, raw: string, signal: AbortSignal): Promise<SubmitResult> {
  const answers = await sends.send('eth_sendRawTransaction', [raw], accepted, signal)
  if (answers.some(accepted)) return { outcome: 'accepted' }
  const evidence = answers.map(evidenceOf).join('; ')
  const [refusal] = answers.flatMap(({ outcome }) =>
    outcome?.ok === false ? (refusalOf(outcome.error.message) ?? []) : [],
  )
  return { outcome: 'unknown', evidence, ...(refusal && { reason: wordsOf(refusal) }) }
}

function accepted({ outcome }: SendAnswer): boolean {
  return outcome !== undefined && (outcome.ok || refusalOf(outcome.error.message) === 'known')
}

function evidenceOf({ host, outcome, failure }: SendAnswer): string {
  return outcome?.ok === false
    ? `${host} answered: ${untrusted(outcome.error.message).untrusted}`
    : (failure ?? `${host} did not answer`)
}
