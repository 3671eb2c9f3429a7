import type { StepRow } from '../../store/schema.ts'

const SOONEST_MS = 250
const BEFORE_INCLUSION_MS = 3_000
const LATEST_MS = 15_000

/**
 * How long nothing new is to be expected of a step: a fraction of a block while its block is due, of the blocks that
 * are missing while it waits to be final, and longer and longer when nothing happens.
 */
export function pauseBefore(
  step: Pick<StepRow, 'state' | 'confirmations' | 'updated_at'>,
  chain: { readonly blockTimeMs: number; readonly confirmations: number },
  now: number,
): number {
  const block = chain.blockTimeMs / 4
  if (step.state === 'included' || step.state === 'safe' || step.state === 'reverted') {
    return within(block * Math.max(chain.confirmations - step.confirmations, 1), LATEST_MS)
  }
  const idle = (now - Date.parse(step.updated_at)) / 20
  return Math.max(within(block, BEFORE_INCLUSION_MS), within(idle, LATEST_MS))
}

const within = (ms: number, most: number) => Math.min(Math.max(ms, SOONEST_MS), most)
