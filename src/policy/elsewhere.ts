import type { Effect } from '../chains/adapter.ts'
import { type Finding, finding } from '../primitives/findings.ts'
import { differenceForWorse } from './shownEffects.ts'

/** What a transaction would do in another block. */
export interface Elsewhere {
  readonly ok: boolean
  readonly effects: readonly Effect[]
}

/**
 * Found when a transaction does worse to the account in another block, later by a few, than where it was simulated, by
 * more than `slippage` in hundredths of a per cent: its contract may behave well in simulations only (T11).
 */
export function dependenceOnBlock(
  judged: {
    readonly account: string
    readonly commanded?: readonly string[]
    readonly effects: readonly Effect[]
    readonly elsewhere?: Elsewhere
  },
  slippage: bigint,
): readonly Finding[] {
  const { effects, elsewhere } = judged
  if (elsewhere === undefined) return []
  if (!elsewhere.ok) return [dependent('it fails')]
  const worse = differenceForWorse(judged, effects, elsewhere.effects, slippage)
  return worse === undefined ? [] : [dependent(worse)]
}

const dependent = (what: string) =>
  finding('environment-dependent', `in a later block with another maker, base fee and randomness ${what}`)
