import type { Spent, SpentWindow } from '../store/spending/spentWindow.ts'
import { type AccountsOf, perOf, windowOf } from './rules/caps.ts'
import { scaled, showUnits, unitsOf } from './rules/exactUnits.ts'
import type { AssetCap, ListRule, RuleBook, Scope } from './rules/rules.ts'

/** Whose rules are told: those that name other principals are not. */
export interface Audience {
  readonly principal: string
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** More would be no answer of ordinary size. */
const MOST_TOLD = 40

/** What has to be known to tell what is left of caps over time. */
export function windowsTold(
  book: RuleBook,
  audience: Audience,
  accountsOf: AccountsOf,
): readonly SpentWindow[] {
  return meantFor(book.caps, audience).flatMap((cap) => windowTold(cap, audience, accountsOf) ?? [])
}

/** The rules of the policy file in words, a line each, with what is left of caps over time. */
export function describeRules(
  book: RuleBook,
  audience: Audience,
  accountsOf: AccountsOf,
  spent: Spent,
): readonly string[] {
  if (book.size === 0) return []
  const lines = [
    ...meantFor(book.caps, audience).map((cap) => {
      const window = windowTold(cap, audience, accountsOf)
      const left = window ? `, ${leftOf(cap, spent.of(window))} left` : ''
      return line(cap, `at most ${cap.max} ${cap.asset} ${perOf(cap)}${left}`)
    }),
    ...meantFor(book.feeCaps, audience).map((cap) =>
      line(cap, `at most ${cap.max} native for gas ${perOf(cap)}`),
    ),
    ...meantFor(book.gasPrices, audience).map((rule) => line(rule, `at most ${rule.maxGwei} gwei per gas`)),
    ...meantFor(book.denies, audience).map((rule) => line(rule, `never ${listWords(rule)}`)),
    ...meantFor(book.allows, audience).map((rule) => line(rule, `only ${listWords(rule)}`)),
    ...meantFor(book.approvals, audience).map((rule) => {
      return line(rule, `a person approves what is above ${rule.above} ${rule.asset}`)
    }),
    ...meantFor(book.hours, audience).map((rule) => {
      const { days, from, to, zone } = rule.hours
      return line(rule, `only ${days ? `${days.join(', ')} ` : ''}${from} to ${to} (${zone})`)
    }),
    ...meantFor(book.findings, audience).map((rule) =>
      line(rule, `findings allowed: ${[...rule.codes].join(', ')}`),
    ),
  ]
  // One rule on `native` is one for each chain: told once.
  const distinct = [...new Set(lines)]
  const more = distinct.length - MOST_TOLD
  const head = `policy file sha256 ${book.digest.slice(2)}, ${book.size} rules`
  return [head, ...distinct.slice(0, MOST_TOLD), ...(more > 0 ? [`and ${more} more rules`] : [])]
}

const meantFor = <T extends Scope>(rules: readonly T[], { principal }: Audience): readonly T[] =>
  rules.filter(({ principals }) => principals?.has(principal) ?? true)

const line = ({ id, wallets, chains }: Scope, what: string): string => {
  const whose = wallets ? ` from ${[...wallets].join(', ')}` : ''
  return `${id}: ${what}${whose}${chains ? ` on ${[...chains].join(', ')}` : ''}`
}

/** Of a cap that is one pot for all, or for the one who asks. */
function windowTold(
  cap: AssetCap,
  { principal, now }: Audience,
  accountsOf: AccountsOf,
): SpentWindow | undefined {
  if (cap.windowMs === undefined || cap.each.has('wallet') || cap.each.has('recipient')) return undefined
  const matter = { account: '', principal, moments: [now] }
  return windowOf(cap, [...cap.assets.keys()], '', matter, accountsOf)
}

function leftOf({ max, assets }: AssetCap, sums: ReadonlyMap<string, bigint>): string {
  let left = unitsOf(max)
  for (const [id, raw] of sums) left -= scaled(raw, assets.get(id)?.decimals ?? 0)
  return showUnits(left < 0n ? 0n : left)
}

function listWords({ recipients, contracts, calls, only, bridgeRoutes }: ListRule): string {
  if (recipients) return `${recipients.size} recipient(s)`
  if (contracts) return `${contracts.size} contract(s)`
  if (calls) return `${calls.length} call(s)`
  if (only) return `chains ${[...only].join(', ')}`
  return `bridge routes ${[...(bridgeRoutes as ReadonlySet<string>)].join(', ')}`
}
