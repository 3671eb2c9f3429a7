import type { Chain } from '../../chains/types.ts'
import type { FindingCode } from '../../primitives/findings.ts'
import type { ArgumentRule, HoursText } from './document.ts'

/** Whom and what a rule is about; what is absent is not looked at. */
export interface Scope {
  /** Names the rule in every verdict. */
  readonly id: string
  readonly wallets?: ReadonlySet<string>
  readonly principals?: ReadonlySet<string>
  /** CAIP-2 ids. */
  readonly chains?: ReadonlySet<string>
}

export type Each = 'wallet' | 'principal' | 'recipient'

/** An asset of one chain, as the registry or the operator names it. */
export interface RuledAsset {
  readonly chain: Chain
  /** CAIP-19 id. */
  readonly id: string
  /** Undefined for a token that the registry does not list: then it is known when it is first paid. */
  readonly decimals: number | undefined
}

interface Cap extends Scope {
  /** Decimal text in whole units. */
  readonly max: string
  /** Milliseconds; absent: one transaction. */
  readonly windowMs?: number
  /** What each has a cap of its own for; the rest shares one. */
  readonly each: ReadonlySet<Each>
}

export interface AssetCap extends Cap {
  /** As the file names it. */
  readonly asset: string
  /** By CAIP-19 id: they count together. */
  readonly assets: ReadonlyMap<string, RuledAsset>
}

export interface ApprovalRule extends Scope {
  readonly asset: string
  readonly assets: ReadonlyMap<string, RuledAsset>
  /** Decimal text in whole units: above it a person must agree. */
  readonly above: string
  /** Up to which a host's own question is enough; absent: never. */
  readonly elicitUpTo?: string
}

export interface GasPriceRule extends Scope {
  readonly maxGwei: string
}

/** A contract, a function of it, and what its arguments must be. */
export interface CallRule {
  /** Lower case. */
  readonly contract: string
  readonly signature?: string
  readonly arguments: readonly ArgumentRule[]
}

/** Addresses in lower case. */
export interface ListRule extends Scope {
  readonly recipients?: ReadonlySet<string>
  readonly contracts?: ReadonlySet<string>
  readonly calls?: readonly CallRule[]
  readonly only?: ReadonlySet<string>
  readonly bridgeRoutes?: ReadonlySet<string>
}

export interface HoursRule extends Scope {
  readonly hours: HoursText
}

export interface FindingsRule extends Scope {
  readonly codes: ReadonlySet<FindingCode>
}

/** A policy file that was read: every name resolved, every number checked. */
export interface RuleBook {
  /** SHA-256 of the file's bytes. */
  readonly digest: string
  readonly caps: readonly AssetCap[]
  readonly feeCaps: readonly Cap[]
  readonly gasPrices: readonly GasPriceRule[]
  readonly allows: readonly ListRule[]
  readonly denies: readonly ListRule[]
  readonly approvals: readonly ApprovalRule[]
  readonly hours: readonly HoursRule[]
  readonly findings: readonly FindingsRule[]
  /** How many rules there are. */
  readonly size: number
}

export type FeeCapRule = RuleBook['feeCaps'][number]

/** What holds without a policy file: nothing but the settings of the environment. */
export const NO_RULES: RuleBook = {
  digest: 'none',
  ...{ caps: [], feeCaps: [], gasPrices: [], allows: [], denies: [], approvals: [], hours: [], findings: [] },
  size: 0,
}
