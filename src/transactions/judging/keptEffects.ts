import type { Effect } from '../../chains/adapter.ts'
import { BursarError } from '../../errors/bursarError.ts'

/** An answer shows so many effects; more fill a model's context and are read by nobody. */
const MOST_SHOWN = 20
/** What moves on the account itself is never left out, so there is an end to it. */
const MOST_OWN = 50

/**
 * The effects that a plan keeps and shows: all of them when they are few. Of many, moves of one asset between the same
 * two are one, moves of nothing are left out, and those of the account come first, all of them, then what contracts
 * give at its command. Throws `effects_too_many` when its own alone are more than can be looked at: what is not seen
 * is not agreed to.
 */
export function effectsToKeep(
  account: string,
  effects: readonly Effect[],
  commanded: readonly string[] = [],
): { readonly kept: readonly Effect[]; readonly left: number } {
  if (effects.length <= MOST_SHOWN) return { kept: effects, left: 0 }
  const sums = summed(effects)
  const own = sums.filter(({ from, to, raw }) => raw > 0n && (from === account || to === account))
  if (own.length > MOST_OWN) {
    const found = `${own.length} different changes of the account`
    throw new BursarError('effects_too_many', { found, limit: String(MOST_OWN) })
  }
  const others = sums.filter(({ from, to, raw }) => raw > 0n && from !== account && to !== account)
  const paid = others.filter(({ from }) => commanded.includes(from)).slice(0, MOST_OWN)
  const first = [...own, ...paid]
  const rest = others.filter((effect) => !paid.includes(effect))
  const kept = [...first, ...rest.slice(0, Math.max(MOST_SHOWN - first.length, 0))]
  return { kept, left: sums.length - kept.length }
}

function summed(effects: readonly Effect[]): readonly Effect[] {
  const sums = new Map<string, Effect>()
  for (const effect of effects) {
    const key = `${effect.kind} ${effect.asset.id} ${effect.from} ${effect.to}`
    sums.set(key, { ...effect, raw: (sums.get(key)?.raw ?? 0n) + effect.raw })
  }
  return [...sums.values()]
}
