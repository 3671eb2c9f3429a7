import type { Effect, Outflow } from './adapter.ts'

/**
 * Everything that leaves the account or may be taken from it later, by asset: approvals count as what they allow. What
 * contracts give at its command counts as well, and what goes between them and the account does not count twice; nor
 * does it hide anything, because whose command a contract follows is its own word.
 */
export function outflows(
  account: string,
  declared: Outflow,
  effects: readonly Effect[],
  commanded: readonly string[] = [],
): readonly Outflow[] {
  const sums = leaving(new Set([account]), effects)
  const together = new Set([account, ...commanded])
  const others = effects.filter(({ to }) => !together.has(to))
  for (const [id, outflow] of leaving(together, others)) {
    if (outflow.raw > (sums.get(id)?.raw ?? 0n)) sums.set(id, outflow)
  }
  return atLeast(declared, sums).filter(({ raw }) => raw > 0n)
}

function leaving(owners: ReadonlySet<string>, effects: readonly Effect[]): Map<string, Outflow> {
  const sums = new Map<string, Outflow>()
  for (const { asset, from, raw } of effects) {
    if (owners.has(from)) sums.set(asset.id, { asset, raw: (sums.get(asset.id)?.raw ?? 0n) + raw })
  }
  return sums
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
