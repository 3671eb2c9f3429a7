import type { Effect, Outflow } from '../chains/adapter.ts'

/**
 * What leaves by a transaction and by what transactions before it in the same intent allow others to take, by asset. Of
 * such an allowance, what the transaction takes itself does not count twice.
 */
export function withAllowedBefore(
  account: string,
  leaving: readonly Outflow[],
  effects: readonly Effect[],
  allowedBefore: readonly Outflow[],
): readonly Outflow[] {
  const totals = new Map(leaving.map((one) => [one.asset.id, one]))
  const add = ({ asset, raw }: Outflow, to: Map<string, Outflow>) =>
    to.set(asset.id, { asset, raw: (to.get(asset.id)?.raw ?? 0n) + raw })
  const left = new Map<string, Outflow>()
  for (const allowed of allowedBefore) add(allowed, left)
  for (const { kind, asset, from, raw } of effects)
    if (kind === 'transfer' && from === account && left.has(asset.id)) add({ asset, raw: -raw }, left)
  for (const rest of left.values()) if (rest.raw > 0n) add(rest, totals)
  return [...totals.values()]
}
