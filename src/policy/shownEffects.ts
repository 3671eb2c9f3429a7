import type { Effect } from '../chains/adapter.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { formatUnits } from '../primitives/amount.ts'

/** Hundredths of a per cent. */
const WHOLE = 10_000n

/**
 * Throws `effects_changed` when a transaction would now do worse to the account than was shown when it was prepared:
 * more would leave or be approved, for the same recipient and asset, or less of an asset would come in. `slippage` is
 * how much worse it may be, in hundredths of a per cent; something that was not shown at all is always refused.
 */
export function requireAsShown(
  chain: Chain,
  account: Owner,
  shown: readonly Effect[],
  now: readonly Effect[],
  slippage: bigint,
): void {
  const what = differenceForWorse(account, shown, now, slippage)
  if (what !== undefined) throw new BursarError('effects_changed', { what }, { chain: chain.id })
}

/** What is worse for the account, in words; undefined when nothing is. */
export function differenceForWorse(
  { account, commanded = [] }: Owner,
  shown: readonly Effect[],
  now: readonly Effect[],
  slippage: bigint,
): string | undefined {
  const worse = differenceOf(new Set([account]), shown, now, slippage)
  if (worse !== undefined || commanded.length === 0) return worse
  return differenceOf(new Set([account, ...commanded]), shown, now, slippage)
}

function differenceOf(
  owners: ReadonlySet<string>,
  shown: readonly Effect[],
  now: readonly Effect[],
  slippage: bigint,
): string | undefined {
  const before = sumsOf(owners, shown)
  const after = sumsOf(owners, now)
  for (const [key, sum] of after.leaving) {
    const agreed = before.leaving.get(key)?.raw ?? 0n
    if (sum.raw * WHOLE <= agreed * (WHOLE + slippage)) continue
    const verb = sum.kind === 'transfer' ? 'would go to' : 'would be approved for'
    return `${show(sum, sum.raw)} ${verb} ${sum.to}, not ${show(sum, agreed)}`
  }
  for (const [key, sum] of before.incoming) {
    const raw = after.incoming.get(key)?.raw ?? 0n
    if (raw * WHOLE >= sum.raw * (WHOLE - slippage)) continue
    return `${show(sum, raw)} would come in, not ${show(sum, sum.raw)}`
  }
  return undefined
}

/** Whose assets are looked at: an account's, and those of contracts that follow its command. */
export interface Owner {
  readonly account: string
  readonly commanded?: readonly string[] | undefined
}

interface Sums {
  /** By what is done, with which asset, and for whom. */
  readonly leaving: ReadonlyMap<string, Effect>
  /** By asset. */
  readonly incoming: ReadonlyMap<string, Effect>
}

function sumsOf(owners: ReadonlySet<string>, effects: readonly Effect[]): Sums {
  const leaving = new Map<string, Effect>()
  const incoming = new Map<string, Effect>()
  for (const effect of effects) {
    const { kind, asset, from, to } = effect
    // Of several owners, what one of them gives another is no change; one account may pay itself for nothing.
    if (owners.size > 1 && owners.has(from) && owners.has(to)) continue
    if (owners.has(from)) add(leaving, `${kind} ${asset.id} ${to}`, effect)
    if (kind === 'transfer' && owners.has(to)) add(incoming, asset.id, effect)
  }
  return { leaving, incoming }
}

function add(sums: Map<string, Effect>, key: string, effect: Effect): void {
  sums.set(key, { ...effect, raw: (sums.get(key)?.raw ?? 0n) + effect.raw })
}

const show = ({ asset }: Effect, raw: bigint) =>
  `${formatUnits(raw, asset.decimals)} ${asset.symbol ?? asset.id}`
