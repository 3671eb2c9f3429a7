import type { Spent, SpentWindow } from '../../store/spending/spentWindow.ts'
import type { NeededApproval } from '../neededApproval.ts'
import { type AccountsOf, applies, judgeCaps, windowsOf } from './caps.ts'
import { scaled, showUnits, unitsOf } from './exactUnits.ts'
import { isWithin } from './hours.ts'
import { deniedBy, notAllowed } from './lists.ts'
import type { Matter } from './matter.ts'
import type { ApprovalRule, HoursRule, RuleBook, Scope } from './rules.ts'

/** What a policy file says of a matter. */
export interface RulesVerdict {
  /** Present when it is denied: by which rule, and why. */
  readonly denied?: {
    readonly rule: string
    readonly reason: string
    /** It is not denied for ever: at another hour, or when a window has passed, it may be allowed. */
    readonly later?: boolean
  }
  /** The rules that were applied and hold, in words. */
  readonly rules: readonly string[]
  /** Present when a person must agree first. */
  readonly approval?: NeededApproval
}

const GWEI_DECIMALS = 9

/** How much left before that bears on a verdict. */
export function questions(book: RuleBook, matter: Matter, accountsOf: AccountsOf): readonly SpentWindow[] {
  return windowsOf(of(book.caps, matter), of(book.feeCaps, matter), matter, accountsOf)
}

/**
 * Every rule that is about the matter is applied, whatever the order of the file: denials first, then what is not among
 * the allowed, then hours and caps. A rule more never allows more, save one that widens a list of the allowed.
 */
export function judgeRules(
  book: RuleBook,
  matter: Matter,
  accountsOf: AccountsOf,
  spent: Spent,
): RulesVerdict {
  const denied = matter.isProtective ? undefined : forbidden(book, matter)
  if (denied) return { denied, rules: [] }
  const asked = scaled(matter.gasPrice, GWEI_DECIMALS)
  const price = of(book.gasPrices, matter).find(({ maxGwei }) => asked > unitsOf(maxGwei))
  if (price) {
    return {
      denied: {
        rule: price.id,
        reason: `${showUnits(asked)} gwei per gas are above the cap of ${price.maxGwei}`,
      },
      rules: [],
    }
  }
  const caps = judgeCaps(of(book.caps, matter), of(book.feeCaps, matter), matter, accountsOf, spent)
  if (caps.exceeded) return { denied: caps.exceeded, rules: caps.held }
  const approval = matter.isProtective ? undefined : approvalNeed(of(book.approvals, matter), matter)
  return { rules: caps.held, ...(approval && { approval }) }
}

function forbidden(book: RuleBook, matter: Matter): RulesVerdict['denied'] {
  for (const rule of of(book.denies, matter)) {
    const reason = deniedBy(rule, matter)
    if (reason !== undefined) return { rule: rule.id, reason }
  }
  return notAllowed(of(book.allows, matter), matter) ?? outsideHours(of(book.hours, matter), matter)
}

/** By the clock and by the chain: one that was set to a better hour is not believed alone (T21). */
function outsideHours(rules: readonly HoursRule[], { moments }: Matter): RulesVerdict['denied'] {
  const closed = rules.find(({ hours }) => !moments.every((at) => isWithin(hours, at)))
  if (!closed) return undefined
  const { days, from, to, zone } = closed.hours
  const when = `${days ? `${days.join(', ')} ` : ''}${from} to ${to} (${zone})`
  return { rule: closed.id, reason: `payments are made ${when} only`, later: true }
}

function approvalNeed(
  rules: readonly ApprovalRule[],
  { intentOutflows }: Matter,
): NeededApproval | undefined {
  const needed = rules.flatMap((rule) => {
    const { id, asset, assets, above, elicitUpTo } = rule
    let sum = 0n
    for (const outflow of intentOutflows)
      if (assets.has(outflow.asset.id)) sum += scaled(outflow.raw, outflow.asset.decimals)
    if (sum <= unitsOf(above)) return []
    const words = `${id}: ${showUnits(sum)} ${asset} is above ${above}, from which on a person must approve`
    return [{ words, mayElicit: elicitUpTo !== undefined && sum <= unitsOf(elicitUpTo) }]
  })
  if (needed.length === 0) return undefined
  return { rules: needed.map(({ words }) => words), mayElicit: needed.every(({ mayElicit }) => mayElicit) }
}

const of = <T extends Scope>(rules: readonly T[], matter: Matter): readonly T[] =>
  rules.filter((rule) => applies(rule, matter))
