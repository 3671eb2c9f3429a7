import type { SubmitResult } from '../chains/adapter.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { RpcTransport } from '../rpc/transport.ts'

/** Texts by which clients say that they already hold these very bytes. */
const ALREADY_KNOWN = /already (known|imported|exists)|known transaction|alreadyknown/i

/**
 * Hands signed bytes to the network. The hash is known beforehand, so "already known" is acceptance; everything
 * else that is not acceptance proves nothing about the bytes, not even a refusal: another endpoint, or an earlier
 * try whose answer was lost, may have them in the pool (R14).
 */
export async function submitRaw(
  sends: RpcTransport,
  raw: string,
  signal: AbortSignal,
): Promise<SubmitResult> {
  try {
    const [outcome] = await sends.send([{ method: 'eth_sendRawTransaction', params: [raw] }], signal)
    if (outcome?.ok) return { outcome: 'accepted' }
    const message = outcome?.error.message ?? 'no answer'
    if (ALREADY_KNOWN.test(message)) return { outcome: 'accepted' }
    return { outcome: 'unknown', evidence: `${sends.host} answered: ${message}` }
  } catch (error) {
    if (isBursarError(error)) return { outcome: 'unknown', evidence: error.message }
    if (signal.aborted) return { outcome: 'unknown', evidence: `no answer from ${sends.host} in time` }
    throw error
  }
}
