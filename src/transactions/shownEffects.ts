import type { Effect } from '../chains/adapter.ts'

/** An answer shows so many effects; more fill a model's context and are read by nobody. */
export const MOST_SHOWN = 20

/**
 * The effects that a plan keeps and shows: all of them when they are few. Of many, those of the account come first and
 * whole, because they are what is compared before signing; moves of one asset between the same two are one.
 */
export function effectsToKeep(
  account: string,
  effects: readonly Effect[],
): { readonly kept: readonly Effect[]; readonly left: number } {
  if (effects.length <= MOST_SHOWN) return { kept: effects, left: 0 }
  const sums = summed(effects)
  const own = sums.filter(({ from, to }) => from === account || to === account)
  const others = sums.filter(({ from, to }) => from !== account && to !== account)
  const kept = [...own, ...others.slice(0, Math.max(MOST_SHOWN - own.length, 0))]
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
