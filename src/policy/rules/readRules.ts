import { hash } from 'node:crypto'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { parameterTypes } from '../../evm/calls/payloadCalls.ts'
import { argumentProblems } from './argumentProblems.ts'
import {
  type ArgumentRule,
  EFFECTS,
  type ListsText,
  type PolicyDocument,
  policyDocument,
  type RuleText,
} from './document.ts'
import { isZone } from './hours.ts'
import { RuleNames } from './names.ts'
import type { CallRule, Each, ListRule, RuleBook, Scope } from './rules.ts'

/**
 * The rules of a policy file, for the chains that Bursar knows. Throws `policy_invalid` with every problem at once:
 * nothing of a file that is wrong somewhere is applied.
 */
export function readRules(text: string, chains: readonly Chain[]): RuleBook {
  const problems: string[] = []
  const document = parse(text, problems)
  const rules = document && bookOf(document, text, new RuleNames(chains, problems))
  if (rules === undefined || problems.length > 0) throw new BursarError('policy_invalid', { problems })
  return rules
}

function parse(text: string, problems: string[]): PolicyDocument | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    problems.push('it is not JSON')
    return undefined
  }
  const read = policyDocument.safeParse(json)
  if (read.success) return read.data
  for (const { path, message } of read.error.issues) problems.push(`${whereOf(path, json)}${message}`)
  return undefined
}

/** The rule's own name says more than its place. */
function whereOf(path: readonly PropertyKey[], json: unknown): string {
  const [first, index, ...rest] = path
  if (first !== 'rules' || index === undefined)
    return path.length === 0 ? '' : `${path.map(String).join('.')}: `
  const id = (json as { rules: readonly { id?: unknown }[] }).rules[Number(index)]?.id
  const name = typeof id === 'string' ? `"${id.slice(0, 64)}"` : `number ${Number(index) + 1}`
  return `rule ${name}${rest.length > 0 ? `, ${rest.map(String).join('.')}` : ''}: `
}

type Writable = {
  -readonly [K in keyof RuleBook]: RuleBook[K] extends readonly (infer T)[] ? T[] : RuleBook[K]
}

function bookOf({ rules }: PolicyDocument, text: string, names: RuleNames): RuleBook {
  const book: Writable = {
    ...{
      caps: [],
      feeCaps: [],
      gasPrices: [],
      allows: [],
      denies: [],
      approvals: [],
      hours: [],
      findings: [],
    },
    digest: `0x${hash('sha256', text)}`,
    size: rules.length,
  }
  const known = new Set<string>()
  for (const rule of rules) {
    if (known.has(rule.id)) names.problem(rule.id, 'another rule has the same id')
    known.add(rule.id)
    const effects = EFFECTS.filter((effect) => rule[effect] !== undefined)
    const [effect] = effects
    if (effect && effects.length === 1) add(rule, scopeOf(rule, names), book, names)
    else {
      const found = effects.length === 0 ? 'none' : effects.join(' and ')
      names.problem(rule.id, `must have exactly one of ${EFFECTS.join(', ')}, and has ${found}`)
    }
  }
  return book
}

function add(rule: RuleText, scope: Scope, book: Writable, names: RuleNames): void {
  const { feeCap, maxGasPriceGwei, allow, deny, hours, allowFindings } = rule
  addAmounts(rule, scope, book, names)
  if (feeCap)
    book.feeCaps.push({ ...scope, max: feeCap.max, each: eachOf(feeCap.each), ...windowOf(feeCap.per) })
  if (maxGasPriceGwei !== undefined) book.gasPrices.push({ ...scope, maxGwei: maxGasPriceGwei })
  if (allow) book.allows.push({ ...scope, ...listsOf(rule, allow, names) })
  if (deny) book.denies.push({ ...scope, ...listsOf(rule, deny, names) })
  if (hours) {
    if (!isZone(hours.zone))
      names.problem(rule.id, `"${hours.zone}" is no time zone; use a name such as "Europe/Berlin"`)
    if (hours.from === hours.to) names.problem(rule.id, 'from and to are the same time')
    book.hours.push({ ...scope, hours })
  }
  if (allowFindings) book.findings.push({ ...scope, codes: new Set(allowFindings) })
}

function addAmounts({ cap, approval }: RuleText, scope: Scope, book: Writable, names: RuleNames): void {
  if (cap) {
    const { asset, max } = cap
    const limit = { ...scope, asset, max, each: eachOf(cap.each), ...windowOf(cap.per) }
    for (const assets of names.assets(scope, asset)) book.caps.push({ ...limit, assets })
  }
  if (approval) {
    const { asset, above, elicitUpTo } = approval
    const threshold = { ...scope, asset, above, ...(elicitUpTo !== undefined && { elicitUpTo }) }
    for (const assets of names.assets(scope, asset)) book.approvals.push({ ...threshold, assets })
  }
}

function scopeOf({ id, wallets, principals, chains }: RuleText, names: RuleNames): Scope {
  return {
    id,
    ...(wallets && { wallets: new Set(wallets.map((name) => name.toLowerCase())) }),
    // As tokens have them: capitals would make a rule that binds nobody.
    ...(principals && { principals: new Set(principals.map((name) => name.toLowerCase())) }),
    ...(chains && { chains: names.chainIds(id, chains) }),
  }
}

function listsOf({ id }: RuleText, lists: ListsText, names: RuleNames): Omit<ListRule, keyof Scope> {
  if (Object.keys(lists).length !== 1)
    names.problem(id, 'allow and deny name exactly one of recipients, contracts, calls, chains, bridgeRoutes')
  const { recipients, contracts, calls, chains, bridgeRoutes } = lists
  return {
    ...(recipients && { recipients: names.addresses(id, recipients, 'recipients') }),
    ...(contracts && { contracts: names.addresses(id, contracts, 'contracts') }),
    ...(calls && { calls: calls.map((call) => callOf(id, call, names)) }),
    ...(chains && { only: names.chainIds(id, chains) }),
    ...(bridgeRoutes && { bridgeRoutes: new Set(bridgeRoutes.map((route) => route.toLowerCase())) }),
  }
}

function callOf(id: string, call: NonNullable<ListsText['calls']>[number], names: RuleNames): CallRule {
  const { contract, function: signature, arguments: given = [] } = call
  if (given.length > 0 && signature === undefined)
    names.problem(id, 'arguments are of a function, and none is named')
  const types = signature === undefined ? [] : parameterTypes(signature)
  if (types === undefined) names.problem(id, `"${signature}" has a type that there is not`)
  for (const each of given) requireArgument(id, each, { signature, types }, names)
  return {
    contract: names.address(id, contract, 'contract').toLowerCase(),
    ...(signature !== undefined && { signature }),
    arguments: given.map(({ oneOf, ...rest }) => {
      return { ...rest, ...(oneOf && { oneOf: oneOf.map((text) => text.toLowerCase()) }) }
    }),
  }
}

interface Called {
  readonly signature: string | undefined
  readonly types: readonly string[] | undefined
}

function requireArgument(id: string, given: ArgumentRule, { signature, types }: Called, names: RuleNames) {
  const { index, oneOf, self, min, max } = given
  const problem = (what: string) => names.problem(id, `argument ${index} ${what}`)
  const type = types?.[index]
  if (oneOf === undefined && self === undefined && min === undefined && max === undefined)
    problem('must have one of oneOf, self, min, max')
  if (signature !== undefined && types && type === undefined)
    problem(`is counted from 0, and ${signature} has ${types.length}`)
  if (type === undefined) return
  for (const what of argumentProblems(given, type)) problem(what)
  if (type === 'address') names.addresses(id, oneOf ?? [], `arguments.${index}.oneOf`)
}

const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

function windowOf(per: string): { readonly windowMs?: number } {
  if (per === 'transaction') return {}
  return { windowMs: Number(per.slice(0, -1)) * (UNIT_MS[per.slice(-1)] as number) }
}

const eachOf = (each: readonly Each[] = []): ReadonlySet<Each> => new Set(each)
