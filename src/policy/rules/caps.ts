import type { Asset, Outflow } from '../../chains/adapter.ts'
import { baseName } from '../../primitives/walletNames.ts'
import { FEES, type NewSpend, type Spent, type SpentWindow } from '../../store/spending/spentWindow.ts'
import { spendsBy } from '../paidOut.ts'
import { scaled, showUnits, unitsOf } from './exactUnits.ts'
import type { Matter, PaidOut } from './matter.ts'
import type { AssetCap, FeeCapRule, Scope } from './rules.ts'

/** Under which name what is paid for gas counts, apart from what is paid. */
const feeKey = (native: Pick<Asset, 'id'>): string => `${FEES}${native.id}`

/** What a transaction takes, as it counts towards caps over time. */
export function spendsOf(matter: Matter): readonly NewSpend[] {
  const { maxFee, native } = matter
  const fee = { asset: feeKey(native), recipient: '', raw: maxFee.toString() }
  return [...spendsBy(notCounted(matter), notCountedFor(matter)), fee]
}

/** What approvals before it have not counted already: what takes what they allow takes nothing more. */
function notCounted({ outflows, countedBefore }: Matter): readonly Outflow[] {
  return outflows.map(({ asset, raw }) => {
    return {
      asset,
      raw: beyond(
        raw,
        countedBefore.filter((one) => one.asset.id === asset.id),
      ),
    }
  })
}

/**
 * The same for each recipient: only what it was allowed itself. What one may take and hands on to another counts for
 * both, since until then it may keep it.
 */
function notCountedFor({ paidOut, countedBefore }: Matter): readonly PaidOut[] {
  return paidOut.map((one) => {
    const { asset, recipient, raw } = one
    const isSame = (other: PaidOut) => other.asset.id === asset.id && other.recipient === recipient
    return { ...one, raw: beyond(raw, countedBefore.filter(isSame)) }
  })
}

function beyond(raw: bigint, counted: readonly Outflow[]): bigint {
  const before = counted.reduce((sum, one) => sum + one.raw, 0n)
  return raw > before ? raw - before : 0n
}

/** One cap, applied: how much it lets through of what, and what is taken of that now. */
interface Applied {
  readonly rule: string
  readonly max: bigint
  readonly now: bigint
  /** Absent for a cap on a single transaction. */
  readonly window?: SpentWindow
  /** What decimals the sums of other assets have. */
  readonly decimals: ReadonlyMap<string, number>
  readonly name: string
  readonly per: string
}

/** The windows that a verdict on the matter has to know. */
export function windowsOf(
  caps: readonly AssetCap[],
  feeCaps: readonly FeeCapRule[],
  matter: Matter,
  accountsOf: AccountsOf,
) {
  return appliedTo(caps, feeCaps, matter, accountsOf).flatMap(({ window }) => (window ? [window] : []))
}

/** The accounts of wallets, by name; undefined, which counts all there are, when one of them is not known. */
export type AccountsOf = (wallets: ReadonlySet<string>) => readonly string[] | undefined

/** What a cap lets through no more: which one, and why. The first of them; and the caps that hold, in words. */
export function judgeCaps(
  caps: readonly AssetCap[],
  feeCaps: readonly FeeCapRule[],
  matter: Matter,
  accountsOf: AccountsOf,
  spent: Spent,
): {
  readonly exceeded?: { readonly rule: string; readonly reason: string; readonly later?: boolean }
  readonly held: readonly string[]
} {
  const held: string[] = []
  for (const applied of appliedTo(caps, feeCaps, matter, accountsOf)) {
    const { rule, max, now, window, name, per } = applied
    const before = window ? sumOf(applied, spent.of(window)) : 0n
    const total = before + now
    const limit = `${showUnits(max)} ${name} ${per}`
    if (total > max) {
      const more = before === 0n ? '' : `, with the ${showUnits(before)} that count already`
      return {
        exceeded: {
          rule,
          reason: `${showUnits(now)} ${name} would leave${more}: above the cap of ${limit}`,
          // When what counts now has left the window.
          ...(now <= max && { later: true }),
        },
        held,
      }
    }
    held.push(`${rule}: ${showUnits(total)} of ${limit}`)
  }
  return { held }
}

function sumOf({ decimals }: Applied, sums: ReadonlyMap<string, bigint>): bigint {
  let sum = 0n
  // A window is about assets of its cap: the registry or the matter itself tells their decimals.
  for (const [asset, raw] of sums) sum += scaled(raw, decimals.get(asset) as number)
  return sum
}

function appliedTo(
  caps: readonly AssetCap[],
  feeCaps: readonly FeeCapRule[],
  matter: Matter,
  accountsOf: AccountsOf,
): readonly Applied[] {
  return [
    ...caps.flatMap((cap) => ofAsset(cap, matter, accountsOf)),
    ...feeCaps.map((cap) => ofFee(cap, matter, accountsOf)),
  ]
}

function ofAsset(cap: AssetCap, matter: Matter, accountsOf: AccountsOf): readonly Applied[] {
  const moved = movedBy(cap, matter)
  const decimals = new Map<string, number>()
  for (const [id, each] of cap.assets) if (each.decimals !== undefined) decimals.set(id, each.decimals)
  const sums = new Map<string, bigint>()
  for (const { asset, recipient, raw } of moved) {
    if (raw === 0n || !cap.assets.has(asset.id)) continue
    decimals.set(asset.id, asset.decimals)
    sums.set(recipient, (sums.get(recipient) ?? 0n) + scaled(raw, asset.decimals))
  }
  return [...sums].map(([recipient, now]) => ({
    ...{ rule: cap.id, max: unitsOf(cap.max), now, decimals, name: cap.asset },
    ...within(cap, [...cap.assets.keys()], recipient, matter, accountsOf),
    per: recipient === '' ? perOf(cap) : `${perOf(cap)} to ${recipient}`,
  }))
}

/** A single transaction is as large as it is; over time, what approvals have counted does not count again. */
function movedBy({ each, windowMs }: AssetCap, matter: Matter): readonly PaidOut[] {
  const isOnce = windowMs === undefined
  if (each.has('recipient')) return isOnce ? matter.paidOut : notCountedFor(matter)
  const totals = isOnce ? matter.outflows : notCounted(matter)
  return totals.map((outflow) => ({ ...outflow, recipient: '' }))
}

function ofFee(cap: FeeCapRule, matter: Matter, accountsOf: AccountsOf): Applied {
  const { native, maxFee } = matter
  const key = feeKey(native)
  return {
    ...{ rule: cap.id, max: unitsOf(cap.max), now: scaled(maxFee, native.decimals) },
    ...within(cap, [key], '', matter, accountsOf),
    ...{
      decimals: new Map([[key, native.decimals]]),
      name: 'native for gas',
      per: perOf(cap),
    },
  }
}

type AnyCap = AssetCap | FeeCapRule

function within(
  cap: AnyCap,
  assets: readonly string[],
  recipient: string,
  matter: Matter,
  accountsOf: AccountsOf,
): { readonly window?: SpentWindow } {
  const window = windowOf(cap, assets, recipient, matter, accountsOf)
  return window ? { window } : {}
}

/** What a cap over time asks; undefined for one on a single transaction. */
export function windowOf(
  cap: AnyCap,
  assets: readonly string[],
  recipient: string,
  { account, principal, moments }: Pick<Matter, 'account' | 'principal' | 'moments'>,
  accountsOf: AccountsOf,
): SpentWindow | undefined {
  if (cap.windowMs === undefined) return undefined
  const accounts = cap.each.has('wallet') ? [account] : cap.wallets && accountsOf(cap.wallets)
  const principals = cap.each.has('principal') ? [principal] : cap.principals && [...cap.principals]
  // Whichever is earlier: a clock that runs ahead must not let a cap refill before its time (T21).
  const since = Math.min(...moments) - cap.windowMs
  const whose = { ...(accounts && { accounts }), ...(principals && { principals }) }
  const key = [cap.id, cap.windowMs, ...assets, recipient, accounts, principals].join(' ')
  return { key, assets, recipient, since, ...whose }
}

export function perOf({ windowMs }: Pick<AnyCap, 'windowMs'>): string {
  if (windowMs === undefined) return 'per transaction'
  // The file counts in minutes and more.
  const [unit, name] = UNITS.find(([ms]) => windowMs % ms === 0) as (typeof UNITS)[number]
  return `per ${windowMs / unit}${name}`
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'm'],
] as const

/** Whether a rule is about a matter at all. */
export function applies(
  { wallets, principals, chains }: Scope,
  { wallet, principal, chain }: Pick<Matter, 'wallet' | 'principal' | 'chain'>,
): boolean {
  return (
    (wallets?.has(baseName(wallet)) ?? true) &&
    (principals?.has(principal) ?? true) &&
    (chains?.has(chain.id) ?? true)
  )
}
