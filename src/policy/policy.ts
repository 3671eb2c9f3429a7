import type { Asset, Effect, FeeTerms, Outflow } from '../chains/adapter.ts'
import { outflows } from '../chains/outflows.ts'
import type { PayloadCall } from '../chains/payloadCalls.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { formatUnits, parseAmount } from '../primitives/amount.ts'
import type { Finding, FindingCode } from '../primitives/findings.ts'
import { digestOf } from '../primitives/json.ts'
import { type NewSpend, Spent, type SpentWindow } from '../store/spending/spentWindow.ts'
import { type Audience, describeRules, windowsTold } from './describeRules.ts'
import { dependenceOnBlock, type Elsewhere } from './elsewhere.ts'
import { withAllowedBefore } from './intentOutflows.ts'
import { type NeededApproval, together } from './neededApproval.ts'
import { paidOut, partiesOf, recipientsOf, spendsSeen } from './paidOut.ts'
import { type AccountsOf, applies, spendsOf } from './rules/caps.ts'
import { judgeRules, questions } from './rules/judgeRules.ts'
import type { Matter, PaidOut } from './rules/matter.ts'
import { NO_RULES, type RuleBook } from './rules/rules.ts'
import { differenceForWorse, type Owner, requireAsShown } from './shownEffects.ts'

/** The most that one transaction may take of an asset. */
export interface Cap {
  /** `*` or a CAIP-2 id. */
  readonly chain: string
  /** `native`, a symbol of the registry, or a token address. */
  readonly asset: string
  /** Decimal text in whole units. */
  readonly max: string
}

/** The most that one transaction may pay for gas, whatever its price. */
export interface FeeCap {
  /** `*` or a CAIP-2 id. */
  readonly chain: string
  /** Decimal text in whole native units. */
  readonly max: string
}

export interface PolicyRules {
  /** Decimal text in gwei. */
  readonly maxGasPriceGwei: string
  readonly perTransaction: readonly Cap[]
  readonly feePerTransaction: readonly FeeCap[]
  /** What leaves above one of these needs a person's approval; absent: nothing does. */
  readonly approvalAbove?: readonly Cap[]
  /** Up to these a yes in the client is approval enough; absent: it never is. */
  readonly elicitUpTo?: readonly Cap[]
  /** Decimal text: how much worse a simulation may be than what was shown. */
  readonly maxSlippagePercent: string
  /** Critical findings with which the operator lets transactions pass. */
  readonly findingsAllowed: readonly FindingCode[]
  /** Blocks after which what went by a private relay may go to public endpoints as well; 0 or absent: never. */
  readonly privateFallbackBlocks?: number
}

/** What is to be judged: simulated, with everything that would leave the account. */
export interface Judged {
  readonly chain: Chain
  readonly account: string
  /** Name of the wallet. */
  readonly wallet: string
  readonly principal: string
  /** What its bytes ask for. */
  readonly calls: readonly PayloadCall[]
  /** It only takes a permission or a nonce back. */
  readonly isProtective?: boolean
  readonly bridgeRoute?: string
  /** Milliseconds since the epoch: now by the clock, and the time of the newest block. */
  readonly moments: readonly number[]
  /** Contracts at its command: what they give counts as its own. */
  readonly commanded?: readonly string[]
  /** What the caller said would leave. */
  readonly outflow: Outflow
  readonly effects: readonly Effect[]
  readonly findings: readonly Finding[]
  /** What it would do in another block, where that was tried. */
  readonly elsewhere?: Elsewhere
  readonly terms: FeeTerms
  /** The most that the transaction can pay for gas, in native base units. */
  readonly maxFee: bigint
  readonly native: Asset
  /** What transactions before it in the same intent allow others to take. */
  readonly allowedBefore?: readonly PaidOut[]
  /** What the caller saw when it was prepared; absent while it is being prepared. */
  readonly shown?: readonly Effect[]
}

/** Why a person has to approve. */
const GWEI_DECIMALS = 9
/** Per cent with two decimals: hundredths of a per cent. */
const PERCENT_DECIMALS = 2

export interface PolicyVerdict {
  /** The rules that were applied, in words. */
  readonly rules: readonly string[]
  readonly found: readonly Finding[]
  /** What it counts for towards caps over time. */
  readonly spends: readonly NewSpend[]
  /** Present when a person must agree before anything is signed. */
  readonly approval?: NeededApproval
}

/**
 * What the operator lets happen: the settings of the environment (price of gas, D4; fees, T35; caps per transaction) and
 * the rules of the policy file (F3), all of which must agree.
 */
export class Policy {
  readonly #rules: PolicyRules
  readonly #accountsOf: AccountsOf
  readonly #maxGasPrice: bigint
  readonly #maxSlippage: bigint
  #book: RuleBook
  #version: string

  /** Without `accountsOf`, caps over time count what left from any account. */
  constructor(rules: PolicyRules, book = NO_RULES, accountsOf: AccountsOf = () => undefined) {
    this.#rules = rules
    this.#accountsOf = accountsOf
    this.#book = book
    this.#version = versionOf(rules, book)
    this.#maxGasPrice = exact(rules.maxGasPriceGwei, GWEI_DECIMALS)
    this.#maxSlippage = exact(rules.maxSlippagePercent, PERCENT_DECIMALS)
  }

  /** Names the rules that gave a verdict; receipts carry it. */
  get version(): string {
    return this.#version
  }

  /** The rules of the policy file. */
  get book(): RuleBook {
    return this.#book
  }

  /** From now on the rules of another file hold. */
  use(book: RuleBook): void {
    this.#book = book
    this.#version = versionOf(this.#rules, book)
  }

  /** Native base units per unit of gas; nothing is signed above it (D4). */
  get maxGasPrice(): bigint {
    return this.#maxGasPrice
  }

  /** 0: never. */
  get privateFallbackBlocks(): number {
    return this.#rules.privateFallbackBlocks ?? 0
  }

  get maxGasPriceGwei(): string {
    return this.#rules.maxGasPriceGwei
  }

  /** What has to be known to describe what is left. */
  windowsTold(audience: Audience): readonly SpentWindow[] {
    return windowsTold(this.#book, audience, this.#accountsOf)
  }

  /** The caps in words, for get_wallets. */
  describe(audience: Audience, spent: Spent): readonly string[] {
    const caps = this.#rules.perTransaction.map((cap) => {
      return `at most ${cap.max} ${cap.asset} per transaction on ${placeOf(cap)}`
    })
    const fees = this.#rules.feePerTransaction.map((cap) => {
      return `at most ${cap.max} native for the gas of a transaction on ${placeOf(cap)}`
    })
    const approvals = (this.#rules.approvalAbove ?? []).map((cap) => {
      return `above ${cap.max} ${cap.asset} on ${placeOf(cap)} only when a person approves`
    })
    const rules = describeRules(this.#book, audience, this.#accountsOf, spent)
    return [...caps, ...approvals, ...fees, `at most ${this.maxGasPriceGwei} gwei per gas`, ...rules]
  }

  /**
   * Judges with what left before, as `questions` asks. Throws `policy_denied`, which names the rule,
   * `gas_price_above_cap` or `effects_changed`. Approvals count as what they allow to be taken.
   */
  judge(judged: Judged, spent = NOTHING_ASKED): PolicyVerdict {
    const { chain, account, outflow, effects, findings, shown, commanded } = judged
    const fees = [this.#judgeGasPrice(judged), this.#judgeFee(judged)]
    if (shown) requireAsShown(chain, judged, shown, effects, this.#maxSlippage)
    const found = [...dependenceOnBlock(judged, this.#maxSlippage), ...findings]
    const matter = matterOf(judged)
    requireOwnAccount(matter)
    const allowed = found.flatMap((each) => this.#judgeFinding(matter, each))
    const leaving = outflows(account, outflow, effects, commanded)
    const caps = leaving.map(({ asset, raw }) => this.#judgeOutflow(matter, asset, raw))
    const verdict = judgeRules(this.#book, matter, this.#accountsOf, spent)
    if (verdict.denied) throw new BursarError('policy_denied', verdict.denied, { chain: chain.id })
    const approval = together(this.#approvalFor(matter), verdict.approval)
    const rules = [...fees, ...allowed, ...caps, ...verdict.rules]
    return { rules, found, spends: spendsOf(matter), ...(approval && { approval }) }
  }

  /** Whether any verdict depends on what left before. */
  get looksBack(): boolean {
    return [...this.#book.caps, ...this.#book.feeCaps].some(({ windowMs }) => windowMs !== undefined)
  }

  /** How much left before, as far as a verdict on this depends on it. */
  questions(judged: Judged): readonly SpentWindow[] {
    return questions(this.#book, matterOf(judged), this.#accountsOf)
  }

  #approvalFor({ chain, intentOutflows, isProtective }: Matter): NeededApproval | undefined {
    if (isProtective) return undefined
    const found = intentOutflows.flatMap(({ asset, raw: total }) => {
      const threshold = this.#capFor(chain, asset, this.#rules.approvalAbove)
      return threshold && exceeds(total, threshold, asset) ? [{ asset, total, threshold }] : []
    })
    if (found.length === 0) return undefined
    const mayElicit = found.every(({ asset, total }) => {
      const most = this.#capFor(chain, asset, this.#rules.elicitUpTo)
      return most !== undefined && !exceeds(total, most, asset)
    })
    const rules = found.map(({ asset, total, threshold: { max } }) => {
      const name = asset.symbol ?? asset.id
      return `${formatUnits(total, asset.decimals)} ${name} would leave, and above ${max} ${name} a person has to approve`
    })
    return { rules, mayElicit }
  }

  /** What is worse for the account than what was shown, in words; undefined when nothing is, or no more than may be. */
  worseThanShown(owner: Owner, shown: readonly Effect[], now: readonly Effect[]): string | undefined {
    return differenceForWorse(owner, shown, now, this.#maxSlippage)
  }

  /** What a transaction took, by what was seen of it, as it counts towards caps over time. */
  spendsSeen(owner: Owner, declared: Outflow, effects: readonly Effect[]): readonly NewSpend[] {
    return spendsSeen(owner, declared, effects)
  }

  #judgeFinding(matter: Matter, { code, severity, detail }: Finding): readonly string[] {
    if (severity !== 'critical') return []
    if (this.#rules.findingsAllowed.includes(code)) return [`${code}: the operator allows it`]
    const rule = this.#book.findings.find((each) => each.codes.has(code) && applies(each, matter))
    if (rule) return [`${rule.id}: the operator allows ${code}`]
    const reason = `${detail} (the operator can allow it by FINDINGS_ALLOWED or in the policy file)`
    throw new BursarError('policy_denied', { rule: code, reason }, { chain: matter.chain.id })
  }

  #judgeGasPrice({ chain, terms }: Judged): string {
    const price = BigInt(terms.maxFeePerGas)
    if (price > this.#maxGasPrice) {
      const context = { price: formatUnits(price, GWEI_DECIMALS), cap: this.maxGasPriceGwei }
      throw new BursarError('gas_price_above_cap', context, { chain: chain.id })
    }
    return `at most ${formatUnits(price, GWEI_DECIMALS)} gwei per gas, cap ${this.maxGasPriceGwei}`
  }

  #judgeFee({ chain, maxFee, native }: Judged): string {
    const name = native.symbol ?? native.id
    const fee = `${formatUnits(maxFee, native.decimals)} ${name}`
    const caps = this.#rules.feePerTransaction
    const cap = caps.find((each) => each.chain === chain.id) ?? caps.find((each) => each.chain === '*')
    if (cap === undefined || maxFee > exact(cap.max, native.decimals)) {
      const limit = cap === undefined ? 'no cap on fees is set' : `the cap is ${cap.max} ${name}`
      const reason = `its gas could cost ${fee}, and ${limit} (MAX_FEE_PER_TRANSACTION)`
      throw new BursarError('policy_denied', { rule: 'fee-cap', reason }, { chain: chain.id })
    }
    return `gas for at most ${fee}, cap ${cap.max}`
  }

  #judgeOutflow(matter: Matter, asset: Asset, raw: bigint): string {
    const { chain } = matter
    const name = asset.symbol ?? asset.id
    const amount = `${formatUnits(raw, asset.decimals)} ${name}`
    const cap = this.#capFor(chain, asset, this.#rules.perTransaction)
    if (
      cap === undefined &&
      this.#book.caps.some((each) => each.assets.has(asset.id) && applies(each, matter))
    ) {
      return `${amount}: capped by the policy file`
    }
    if (cap === undefined) {
      if (chain.network !== 'mainnet') return `${amount}: no cap is set for ${name} on a test network`
      const reason = `no cap is set for ${name}, and on a mainnet nothing leaves without one (MAX_PER_TRANSACTION)`
      throw new BursarError('policy_denied', { rule: 'per-transaction-cap', reason }, { chain: chain.id })
    }
    if (exceeds(raw, cap, asset)) {
      const reason = `${amount} would leave, above the cap of ${cap.max} ${name} per transaction`
      throw new BursarError('policy_denied', { rule: 'per-transaction-cap', reason }, { chain: chain.id })
    }
    return `${amount}: within the cap of ${cap.max} per transaction`
  }

  /** The most specific cap: by chain before `*`, by address before symbol. */
  #capFor(chain: Chain, asset: Asset, caps: readonly Cap[] = []): Cap | undefined {
    const names = asset.address ? [asset.address, asset.symbol] : ['native', asset.symbol]
    for (const place of [chain.id, '*']) {
      for (const name of names) {
        const wanted = name?.toLowerCase()
        const cap = caps.find((each) => {
          return each.chain === place && each.asset.toLowerCase() === wanted
        })
        if (cap) return cap
      }
    }
    return undefined
  }
}

/** A contract account with rules and caps of its own is not told by its owner's transactions what to pay (T18). */
function requireOwnAccount({ calls, chain }: Matter): void {
  const call = calls.find(({ commands }) => commands)
  if (!call) return
  const reason = `${call.contract} is a wallet of its own, to which rules of its own apply: let that wallet pay`
  throw new BursarError('policy_denied', { rule: 'account-of-its-own', reason }, { chain: chain.id })
}

/** Throws where a rule depends on what left before: what was not asked is not nothing. */
const NOTHING_ASKED = new Spent(new Map())

const versionOf = (rules: PolicyRules, { digest }: RuleBook) => digestOf({ rules, file: digest }).slice(0, 18)

function matterOf(judged: Judged): Matter {
  const { account, commanded = [], outflow, effects, calls, terms } = judged
  const { chain, wallet, principal, maxFee, native, moments, bridgeRoute } = judged
  const { allowedBefore = [], isProtective = false } = judged
  const multicall = chain.contracts['multicall3']
  const owner = { account, commanded, passing: multicall === undefined ? [] : [multicall] }
  const leaving = outflows(account, outflow, effects, commanded)
  const parties = partiesOf(owner, effects)
  return {
    ...{ chain, wallet, account, principal, maxFee, native, moments },
    // Whatever says so: what gives something away protects nobody.
    isProtective: isProtective && leaving.length === 0 && parties.spenders.length === 0,
    outflows: leaving,
    intentOutflows: withAllowedBefore(account, leaving, effects, allowedBefore),
    paidOut: paidOut(owner, effects),
    countedBefore: allowedBefore,
    recipients: recipientsOf(account, calls),
    ...parties,
    calls,
    gasPrice: BigInt(terms.maxFeePerGas),
    ...(bridgeRoute !== undefined && { bridgeRoute }),
  }
}

/** Base units of what the operator set; the configuration was checked when it was read. */
function exact(text: string, decimals: number): bigint {
  const raw = parseAmount(text, decimals)
  if (typeof raw !== 'bigint') throw new TypeError(`"${text}" is ${raw}`)
  return raw
}

/** What cannot be told exactly in the asset's units counts as exceeded. */
function exceeds(raw: bigint, { max }: Cap, { decimals }: Asset): boolean {
  const most = parseAmount(max, decimals)
  return typeof most !== 'bigint' || raw > most
}

const placeOf = ({ chain }: { readonly chain: string }) => (chain === '*' ? 'every chain' : chain)
