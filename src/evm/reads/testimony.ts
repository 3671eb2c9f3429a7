import { withDeadline } from '../../primitives/abort.ts'
import type { ChainClient } from '../../rpc/chainClient.ts'
import { LATEST_BLOCK, parseHead } from './blocks.ts'

/** So many endpoints must say it, where so many are. */
export const ENOUGH = 2
const PATIENCE_MS = 10_000

/** Undefined when the endpoint does not answer. */
export async function testimony<T>(
  signal: AbortSignal,
  ask: (limited: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await withDeadline(PATIENCE_MS, signal, ask)
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

/** Whether the chain has a block of this number, by the word of two endpoints where two answer (T12). */
export async function hasReached(
  endpoints: readonly ChainClient[],
  number: bigint,
  signal: AbortSignal,
): Promise<boolean> {
  const asked = endpoints.map((client) =>
    testimony(signal, async (limited) => {
      const block = await client.call(LATEST_BLOCK.method, LATEST_BLOCK.params, limited)
      return parseHead(block, client.host).number >= number
    }),
  )
  const answers = (await Promise.all(asked)).filter((answer) => answer !== undefined)
  const agreeing = answers.filter((reached) => reached).length
  return agreeing > 0 && agreeing >= Math.min(ENOUGH, answers.length)
}
