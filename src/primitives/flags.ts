import { hash } from 'node:crypto'

// What an operator may switch while servers run (F5). A flag chooses between ways that are all within policy and rules:
// nothing that judges, simulates, signs, records or limits may ask for one, which .dependency-cruiser.cjs enforces.

interface FlagSpec {
  /** What it switches, in words. */
  readonly what: string
  readonly variants: readonly string[]
  /** While nobody has set it. */
  readonly usual: string
  /** When it is switched off, in an emergency or for some. */
  readonly off: string
  /** When it cannot be read: what does less by itself and hides more. */
  readonly unread: string
}

const SWITCH = { variants: ['on', 'off'], usual: 'on', off: 'off', unread: 'off' } as const

export const flagCatalogue = {
  'private-route': {
    ...SWITCH,
    unread: 'on',
    what: 'contract calls that name no route go by a private relay where there is one',
  },
  'call-batching': { ...SWITCH, what: 'several calls in one transaction, by Multicall3' },
  'wait-for-fees': { ...SWITCH, what: 'payments that wait for lower fees (maxFeeGwei)' },
  'automatic-speed-up': { ...SWITCH, what: 'speeding up by itself what waits (SPEED_UP_AFTER_BLOCKS)' },
  'learned-gas-limits': { ...SWITCH, what: 'gas limits from what earlier calls of a kind needed' },
  'default-urgency': {
    what: 'how payments are priced that do not say',
    variants: ['standard', 'slow', 'fast'],
    usual: 'standard',
    off: 'standard',
    unread: 'standard',
  },
} as const satisfies Readonly<Record<string, FlagSpec>>

export type FlagName = keyof typeof flagCatalogue
export type Variant<F extends FlagName> = (typeof flagCatalogue)[F]['variants'][number]

export const flagNames = Object.keys(flagCatalogue) as readonly FlagName[]

export function isFlagName(name: string): name is FlagName {
  return Object.hasOwn(flagCatalogue, name)
}

/** What an operator has set of one flag. */
export interface FlagRule {
  /** Share of the payments that it is for, 0 to 100. */
  readonly percent: number
  /** Names or addresses in lower case; for all when absent. The same for principals, and for chains by CAIP-2 id. */
  readonly wallets?: readonly string[]
  readonly principals?: readonly string[]
  readonly chains?: readonly string[]
  /** What those get, by weight. */
  readonly variants: Readonly<Record<string, number>>
  /** What all others get. */
  readonly otherwise: string
}

/** What a flag is decided for. */
export interface FlagSubject {
  readonly principal: string
  /** The caller's key: one payment gets one answer however often it is asked for. */
  readonly key: string
  readonly chain: string
  readonly wallet: string
  readonly account: string
}

export interface Decision<F extends FlagName = FlagName> {
  readonly variant: Variant<F>
  /** Whether an operator's rule chose it: its outcome is counted. */
  readonly ruled: boolean
}

/** Where the engine asks. It never rejects: what cannot be read is as `unread` says. */
export interface Flags {
  decide<F extends FlagName>(flag: F, subject: FlagSubject): Promise<Decision<F>>
}

/** What a rule says for a subject. Who was chosen at a percentage is chosen at every higher one. */
export function variantOf(flag: FlagName, rule: FlagRule, subject: FlagSubject): string {
  const { wallets, principals, chains, percent, variants, otherwise } = rule
  const own = [subject.wallet.toLowerCase(), subject.account.toLowerCase()]
  const isTarget =
    (wallets?.some((wallet) => own.includes(wallet)) ?? true) &&
    (principals?.includes(subject.principal) ?? true) &&
    (chains?.includes(subject.chain) ?? true)
  if (!isTarget || share(`${flag} rollout`, subject) * 100 >= percent) return otherwise
  const weights = Object.entries(variants)
  const total = weights.reduce((sum, [, weight]) => sum + weight, 0)
  let left = share(`${flag} variant`, subject) * total
  for (const [variant, weight] of weights) {
    left -= weight
    if (left < 0) return variant
  }
  return otherwise
}

/** A number from 0 to below 1 that is always the same for a subject, and has nothing to do with that of another flag. */
function share(purpose: string, { principal, key }: FlagSubject): number {
  const digest = hash('sha256', JSON.stringify([purpose, principal, key]))
  return Number.parseInt(digest.slice(0, 12), 16) / 2 ** 48
}

/** What is wrong with a rule, in words; undefined when nothing is. */
export function ruleProblem(flag: FlagName, rule: FlagRule): string | undefined {
  const known: readonly string[] = flagCatalogue[flag].variants
  const weights = Object.entries(rule.variants)
  const unknown = [...weights.map(([variant]) => variant), rule.otherwise].find(
    (each) => !known.includes(each),
  )
  if (unknown !== undefined) return `${flag} has no variant "${unknown}", only ${known.join(', ')}`
  if (!(rule.percent >= 0 && rule.percent <= 100)) return 'a percentage is a number from 0 to 100'
  if (weights.length === 0 || weights.some(([, weight]) => !(weight > 0 && weight <= 1_000_000)))
    return 'each variant has a weight above 0'
  return undefined
}
