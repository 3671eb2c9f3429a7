import { isBursarError } from '../errors/bursarError.ts'
import { type ErrorCode, errorCatalogue } from '../errors/catalogue.ts'
import type { Refusal, RefusalStore } from '../store/refusals.ts'

/** As long as a reference or a name may be. */
const MOST = 140

/**
 * Does what a caller asks, and has it recorded when simulation or policy speaks against it. What could not be judged, as
 * with a provider that is away, is no verdict.
 */
export async function recordingRefusal<T>(
  refusals: Pick<RefusalStore, 'record'>,
  asked: Omit<Refusal, 'code' | 'rule'>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isBursarError(error) || !isVerdict(error.code)) throw error
    const rule = isBursarError(error, 'policy_denied') ? { rule: error.context.rule } : {}
    const { reference, chain, wallet } = asked
    const short = { reference: capped(reference), chain: capped(chain), wallet: capped(wallet) }
    await refusals.record({ ...asked, ...short, code: error.code, ...rule })
    throw error
  }
}

const capped = (text: string) => text.slice(0, MOST)

/** Those of simulation and policy have numbers from 4000 on. */
function isVerdict(code: ErrorCode): boolean {
  const { number, kind } = errorCatalogue[code]
  return Math.floor(number / 1000) === 4 && kind !== 'provider'
}
