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
  account: string,
  shown: readonly Effect[],
  now: readonly Effect[],
  slippage: bigint,
): void {
  const what = differenceForWorse(account, shown, now, slippage)
  if (what !== undefined) throw new BursarError('effects_changed', { what }, { chain: chain.id })
}

/** What is worse for the account, in words; undefined when nothing is. */
export function differenceForWorse(
  account: string,
  shown: readonly Effect[],
  now: readonly Effect[],
  slippage: bigint,
): string | undefined {
  const before = sumsOf(account, shown)
  const after = sumsOf(account, now)
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

interface Sums {
  /** By what is done, with which asset, and for whom. */
  readonly leaving: ReadonlyMap<string, Effect>
  /** By asset. */
  readonly incoming: ReadonlyMap<string, Effect>
}

function sumsOf(account: string, effects: readonly Effect[]): Sums {
  const leaving = new Map<string, Effect>()
  const incoming = new Map<string, Effect>()
  for (const effect of effects) {
    const { kind, asset, from, to } = effect
    if (from === account) add(leaving, `${kind} ${asset.id} ${to}`, effect)
    if (kind === 'transfer' && to === account) add(incoming, asset.id, effect)
  }
  return { leaving, incoming }
}

function add(sums: Map<string, Effect>, key: string, effect: Effect): void {
  sums.set(key, { ...effect, raw: (sums.get(key)?.raw ?? 0n) + effect.raw })
}

const show = ({ asset }: Effect, raw: bigint) =>
  `${formatUnits(raw, asset.decimals)} ${asset.symbol ?? asset.id}`
