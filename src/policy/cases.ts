import * as z from 'zod'
import type { Asset, Outflow } from '../chains/adapter.ts'
import { nativeAsset } from '../chains/amounts.ts'
import type { ArgumentText } from '../chains/payloadCalls.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { parseAmount } from '../primitives/amount.ts'
import { Spent } from '../store/spending/spentWindow.ts'
import { ACCOUNT, callsOf, paymentCalls } from './caseCalls.ts'
import { recipientsOf } from './paidOut.ts'
import { judgeRules, questions } from './rules/judgeRules.ts'
import type { Matter } from './rules/matter.ts'
import { RuleNames } from './rules/names.ts'
import type { RuleBook, RuledAsset } from './rules/rules.ts'

// Cases with which an operator tries a policy file before it holds: payments and calls as an agent could ask for them.

const amount = z.string().regex(/^\d{1,60}(\.\d{1,18})?$/, 'must be a decimal amount in whole units')
const money = z.strictObject({ asset: z.string(), amount })
const argument: z.ZodType<ArgumentText> = z.lazy(() => z.union([z.string(), z.array(argument)]))

const expectation = z.enum(['allow', 'deny', 'approval', 'elicitation'])

const one = z.strictObject({
  name: z.string().min(1).max(200),
  wallet: z.string(),
  principal: z.string().default('local'),
  chain: z.string(),
  /** ISO 8601; now when it is left out. */
  at: z.iso.datetime().optional(),
  pay: z.strictObject({ to: z.string(), ...money.shape }).optional(),
  call: z
    .strictObject({
      contract: z.string(),
      function: z.string().default('()'),
      arguments: z.array(argument).default([]),
      takes: money.optional(),
      /** Whom the simulation shows that it pays, and whom it allows to take. */
      pays: z.array(z.string()).default([]),
      allows: z.array(z.string()).default([]),
    })
    .optional(),
  bridgeRoute: z.string().optional(),
  maxFee: amount.default('0'),
  gasPriceGwei: z.string().default('1'),
  /** What counts already in every window, by asset. */
  before: z.array(money).default([]),
  expect: expectation,
  /** The rule that must deny it. */
  rule: z.string().optional(),
})

const document = z.strictObject({ version: z.literal(1), cases: z.array(one).min(1).max(10_000) })

type Case = z.output<typeof one>

export interface CaseResult {
  readonly name: string
  readonly passed: boolean
  readonly expected: string
  readonly found: string
}

/** Runs cases on rules. Throws `policy_invalid` when the cases are no cases. */
export function runCases(text: string, book: RuleBook, chains: readonly Chain[]): readonly CaseResult[] {
  const problems: string[] = []
  const cases = parse(text, problems)
  const names = new RuleNames(chains, problems)
  const matters = cases.map((each) => ({ each, judged: matterOf(each, names, chains) }))
  if (problems.length > 0) throw new BursarError('policy_invalid', { problems })
  // What cannot be judged was told as a problem.
  return matters.map(({ each, judged }) => resultOf(each, judged as JudgedCase, book))
}

function parse(text: string, problems: string[]): readonly Case[] {
  try {
    const read = document.safeParse(JSON.parse(text))
    if (read.success) return read.data.cases
    for (const { path, message } of read.error.issues)
      problems.push(`${path.map(String).join('.')}: ${message}`)
  } catch {
    problems.push('the cases are not JSON')
  }
  return []
}

interface JudgedCase {
  readonly matter: Matter
  readonly before: ReadonlyMap<string, bigint>
}

function resultOf({ name, expect, rule }: Case, judged: JudgedCase, book: RuleBook): CaseResult {
  const expected = rule === undefined ? expect : `${expect} by ${rule}`
  const { matter, before } = judged
  const windows = questions(book, matter, everyWallet)
  const sums = new Map(
    windows.map(({ key, assets }) => [key, new Map(assets.map((id) => [id, before.get(id) ?? 0n]))]),
  )
  const { denied, approval } = judgeRules(book, matter, everyWallet, new Spent(sums))
  const answer = denied
    ? 'deny'
    : approval === undefined
      ? 'allow'
      : approval.mayElicit
        ? 'elicitation'
        : 'approval'
  const passed = answer === expect && (rule === undefined || denied?.rule.split(', ').includes(rule) === true)
  const why = denied
    ? ` by ${denied.rule}: ${denied.reason}`
    : (approval?.rules.map((each) => ` (${each})`).join('') ?? '')
  return { name, passed, expected, found: `${answer}${why}` }
}

/** What counts already is given, so it does not matter whose it is. */
const everyWallet = () => []

function matterOf(given: Case, names: RuleNames, chains: readonly Chain[]): JudgedCase | undefined {
  const problem = (what: string) => names.problem(given.name, what)
  const [id] = names.chainIds(given.name, [given.chain])
  const chain = chains.find((each) => each.id === id)
  const { pay, call } = given
  const isOne = (pay === undefined) !== (call === undefined)
  if (!isOne) problem('must have one of pay and call')
  if (!chain || !isOne) return undefined
  const address = (text: string, field: string) => names.address(given.name, text, field)
  const outflow = (money: { asset: string; amount: string }) => moneyOf(given.name, chain, money, names)
  const to = pay ? address(pay.to, 'to') : address((call as NonNullable<Case['call']>).contract, 'contract')
  const taken = pay ?? call?.takes
  const moved = taken ? outflow(taken) : undefined
  const reached = call ? call.pays.map((each) => address(each, 'pays')) : [to]
  const at = given.at === undefined ? Date.now() : Date.parse(given.at)
  const native = nativeAsset(chain)
  const calls = call ? callsOf(chain, { ...call, contract: to }) : paymentCalls(chain, to, moved as Outflow)
  const matter = {
    // As servers know wallets and principals.
    ...{ wallet: given.wallet.toLowerCase(), principal: given.principal.toLowerCase() },
    ...{ chain, native, account: ACCOUNT, calls },
    outflows: moved ? [moved] : [],
    intentOutflows: moved ? [moved] : [],
    paidOut: moved ? [{ ...moved, recipient: to }] : [],
    countedBefore: [],
    recipients: recipientsOf(ACCOUNT, calls),
    reached,
    spenders: call ? call.allows.map((each) => address(each, 'allows')) : [],
    maxFee: exact(given.maxFee, native.decimals, problem),
    gasPrice: exact(given.gasPriceGwei, 9, problem),
    moments: [at],
    ...(given.bridgeRoute !== undefined && { bridgeRoute: given.bridgeRoute }),
    isProtective: false,
  }
  const before = given.before.map(outflow)
  return { matter, before: new Map(before.map(({ asset, raw }) => [asset.id, raw])) }
}

function moneyOf(
  name: string,
  chain: Chain,
  { asset, amount: text }: { asset: string; amount: string },
  names: RuleNames,
) {
  const [known] = names.assets({ id: name, chains: new Set([chain.id]) }, asset)
  const ruled: RuledAsset | undefined = known?.values().next().value
  const decimals = ruled?.decimals ?? 18
  const token = ruled?.id.split('/erc20:')[1]
  const found: Asset = { id: ruled?.id ?? asset, decimals, ...(token !== undefined && { address: token }) }
  return { asset: found, raw: exact(text, decimals, (what) => names.problem(name, what)) }
}

function exact(text: string, decimals: number, problem: (what: string) => void): bigint {
  const raw = parseAmount(text, decimals)
  if (typeof raw === 'bigint') return raw
  problem(`"${text}" is ${raw}, with ${decimals} decimals`)
  return 0n
}
