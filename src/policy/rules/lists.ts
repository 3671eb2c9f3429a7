import type { ArgumentText, PayloadCall } from '../../chains/payloadCalls.ts'
import type { ArgumentRule } from './document.ts'
import type { Matter } from './matter.ts'
import type { CallRule, ListRule } from './rules.ts'

/** Why the rule denies the matter, in words; undefined when it does not. */
export function deniedBy(rule: ListRule, matter: Matter): string | undefined {
  const { chain, recipients, reached, spenders, calls, bridgeRoute } = matter
  const { recipients: payees, contracts, calls: called, only, bridgeRoutes } = rule
  if (only?.has(chain.id)) return `${chain.name} is denied`
  const payee =
    payees && [...recipients, ...reached, ...spenders].find((each) => payees.has(each.toLowerCase()))
  if (payee) return `${payee} is on its list`
  // A listed token is a contract as well, when its own function pays.
  const contract = contracts && calls.find((call) => contracts.has(call.contract.toLowerCase()))
  if (contract) return `${contract.contract} is on its list`
  const call = called && calls.find((each) => called.some((one) => mayMatch(one, each, matter.account)))
  if (call) return `the call of ${nameOf(call)} is on its list`
  if (bridgeRoute !== undefined && bridgeRoutes?.has(bridgeRoute.toLowerCase()))
    return `bridge route ${bridgeRoute} is denied`
  return undefined
}

/** Why the allow lists that apply, taken together, do not cover the matter: which of them, and what is not on them. */
export function notAllowed(
  rules: readonly ListRule[],
  matter: Matter,
): { readonly rule: string; readonly reason: string } | undefined {
  return (
    chainsNotAllowed(rules, matter) ??
    bridgeNotAllowed(rules, matter) ??
    callsNotAllowed(rules, matter) ??
    recipientsNotAllowed(rules, matter)
  )
}

type Refusal = ReturnType<typeof notAllowed>

function chainsNotAllowed(rules: readonly ListRule[], { chain }: Matter): Refusal {
  const lists = rules.filter(({ only }) => only)
  if (lists.length === 0 || lists.some(({ only }) => only?.has(chain.id))) return undefined
  return { rule: namesOf(lists), reason: `${chain.name} is not among the chains that are allowed` }
}

function bridgeNotAllowed(rules: readonly ListRule[], { bridgeRoute }: Matter): Refusal {
  const lists = rules.filter(({ bridgeRoutes }) => bridgeRoutes)
  if (bridgeRoute === undefined || lists.length === 0) return undefined
  if (lists.some(({ bridgeRoutes }) => bridgeRoutes?.has(bridgeRoute.toLowerCase()))) return undefined
  return { rule: namesOf(lists), reason: `bridge route ${bridgeRoute} is not among those that are allowed` }
}

function callsNotAllowed(rules: readonly ListRule[], { calls, account }: Matter): Refusal {
  const lists = rules.filter(({ contracts, calls }) => contracts ?? calls)
  if (lists.length === 0) return undefined
  const refused = calls.find((call) => {
    if (call.kind === 'carrier' || (call.kind === 'payment' && !isAboutToken(rules, call))) return false
    if (call.problem !== undefined) return true
    return !lists.some(({ contracts, calls: called = [] }) => {
      return contracts?.has(call.contract.toLowerCase()) || called.some((one) => matches(one, call, account))
    })
  })
  if (!refused) return undefined
  const why =
    refused.problem === undefined ? 'is not among the calls that are allowed' : `carries ${refused.problem}`
  return { rule: namesOf(lists), reason: `the call of ${nameOf(refused)} ${why}` }
}

/** A list that names calls of a token means its payments too, save those to whom a list of recipients has. */
function isAboutToken(rules: readonly ListRule[], { contract, selector, to = [] }: PayloadCall): boolean {
  const isNamed = rules.some(({ calls = [] }) => calls.some((one) => one.contract === contract.toLowerCase()))
  if (selector === undefined || !isNamed) return false
  return !to.every((each) => rules.some(({ recipients }) => recipients?.has(each.toLowerCase())))
}

/** Whom an allowed contract pays is its business; whom the bytes themselves name, and who is allowed to take, is not. */
function recipientsNotAllowed(rules: readonly ListRule[], matter: Matter): Refusal {
  const { calls, recipients, reached, spenders } = matter
  const lists = rules.filter((rule) => rule.recipients)
  if (lists.length === 0) return undefined
  const callsAreJudged = rules.some(({ contracts, calls: called }) => contracts ?? called)
  const isLeftToContracts = callsAreJudged && calls.some(({ kind }) => kind === 'call')
  const judged = [...recipients, ...spenders, ...(isLeftToContracts ? [] : reached)]
  // What may be called may be paid and allowed: contracts take what they are called for.
  const isKnown = (address: string) =>
    rules.some((rule) => {
      const { contracts, calls: called = [] } = rule
      return (
        rule.recipients?.has(address) ||
        contracts?.has(address) ||
        called.some(({ contract }) => contract === address)
      )
    })
  const unknown = judged.find((each) => !isKnown(each.toLowerCase()))
  if (unknown === undefined) return undefined
  return { rule: namesOf(lists), reason: `${unknown} is not among the recipients that are allowed` }
}

/** Whether a call is exactly what a rule names: of a list, every member. */
function matches(rule: CallRule, call: PayloadCall, account: string): boolean {
  return (
    standing(rule, call, account, (values, holds) => values.length > 0 && values.every(holds)) === 'matches'
  )
}

/** Whether it could be what a rule names: one member of a list is enough, and what cannot be read may be anything. */
function mayMatch(rule: CallRule, call: PayloadCall, account: string): boolean {
  return standing(rule, call, account, (values, holds) => values.some(holds)) !== 'differs'
}

type Members = (values: readonly ArgumentText[], holds: (value: ArgumentText) => boolean) => boolean

function standing(
  rule: CallRule,
  call: PayloadCall,
  account: string,
  members: Members,
): 'matches' | 'differs' | 'unreadable' {
  if (rule.contract !== call.contract.toLowerCase()) return 'differs'
  if (rule.signature === undefined) return 'matches'
  const args = call.arguments(rule.signature)
  if (args === undefined) return 'differs'
  if (args === 'unreadable') return 'unreadable'
  const holds = (each: ArgumentRule, value: ArgumentText | undefined): boolean => {
    if (value === undefined) return false
    if (typeof value === 'string') return textHolds(each, value.toLowerCase(), account)
    return members(value, (member) => holds(each, member))
  }
  return rule.arguments.every((each) => holds(each, args[each.index])) ? 'matches' : 'differs'
}

function textHolds({ oneOf, self, min, max }: ArgumentRule, text: string, account: string): boolean {
  if (self && text !== account.toLowerCase()) return false
  if (oneOf && !oneOf.includes(text)) return false
  if (min === undefined && max === undefined) return true
  if (!/^-?\d+$/.test(text)) return false
  return (
    (min === undefined || BigInt(text) >= BigInt(min)) && (max === undefined || BigInt(text) <= BigInt(max))
  )
}

const namesOf = (rules: readonly ListRule[]) => rules.map(({ id }) => id).join(', ')

const nameOf = ({ contract, selector }: PayloadCall) => [selector, 'at', contract].join(' ')
