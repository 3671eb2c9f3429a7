import type { Effect, Outflow } from './adapter.ts'

/** Everything that leaves the account or may be taken from it later, by asset: approvals count as what they allow. */
export function outflows(account: string, declared: Outflow, effects: readonly Effect[]): readonly Outflow[] {
  const sums = new Map<string, Outflow>()
  for (const { asset, from, raw } of effects) {
    if (from === account) sums.set(asset.id, { asset, raw: (sums.get(asset.id)?.raw ?? 0n) + raw })
  }
  return atLeast(declared, sums).filter(({ raw }) => raw > 0n)
}

/**
 * What the account must hold beforehand, by asset: the deepest that the transfers take it below where it began. What
 * comes in before it goes out again needs no funds.
 */
export function fundsNeeded(
  account: string,
  declared: Outflow,
  effects: readonly Effect[],
): readonly Outflow[] {
  const running = new Map<string, bigint>()
  const needed = new Map<string, Outflow>()
  for (const { kind, asset, from, to, raw } of effects) {
    if (kind !== 'transfer' || from === to) continue
    const change = from === account ? raw : to === account ? -raw : 0n
    const taken = (running.get(asset.id) ?? 0n) + change
    running.set(asset.id, taken)
    if (taken > (needed.get(asset.id)?.raw ?? 0n)) needed.set(asset.id, { asset, raw: taken })
  }
  return atLeast(declared, needed)
}

/** What the caller said counts even when no event shows it: not every token tells the truth about itself. */
function atLeast(declared: Outflow, sums: Map<string, Outflow>): readonly Outflow[] {
  if (declared.raw > (sums.get(declared.asset.id)?.raw ?? 0n)) sums.set(declared.asset.id, declared)
  return [...sums.values()]
}
