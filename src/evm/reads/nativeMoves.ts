import { isBursarError } from '../../errors/bursarError.ts'
import { type CallFrame, MOVES_VALUE, type RawLog } from '../simulation/execution.ts'
import { executionOf, nativeMove } from '../simulation/traced.ts'
import type { Tracers } from '../simulation/tracers.ts'

/** Nothing waits for it but a remark: what takes longer is gone without. */
const MOST_MS = 3_000

/**
 * Moves of native tokens within an included transaction, as Transfer events of `NATIVE_TOKEN`: receipts do not tell
 * them. `within` chooses the call of it that is meant. Undefined where no endpoint traces, and where there is no such
 * call. Throws `effects_too_many`.
 */
export async function nativeMovesOf(
  tracers: Tracers,
  hash: string,
  within: (whole: CallFrame) => CallFrame | undefined = (whole) => whole,
): Promise<readonly RawLog[] | undefined> {
  const request = { method: 'debug_traceTransaction', params: [hash, { tracer: 'callTracer' }] }
  try {
    const traced = await tracers.trace([request], AbortSignal.timeout(MOST_MS))
    if (!traced) return undefined
    const meant = within(executionOf(traced.results[0], traced.host).frames)
    return meant && movesIn(meant)
  } catch (error) {
    if (isBursarError(error, 'effects_too_many')) throw error
    // Too late, or no trace: then nobody has told.
    return undefined
  }
}

/** In the order in which they were made. What was undone has moved nothing. */
function movesIn({ type, from, to, value, failed, calls }: CallFrame): readonly RawLog[] {
  if (failed) return []
  const own = value > 0n && to !== undefined && MOVES_VALUE.has(type) ? [nativeMove(from, to, value)] : []
  return [...own, ...calls.flatMap(movesIn)]
}
