import type { Asset, Effect, FeeTerms, Outflow } from '../chains/adapter.ts'
import { outflows } from '../chains/outflows.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { formatUnits, parseAmount } from '../primitives/amount.ts'
import type { Finding, FindingCode } from '../primitives/findings.ts'
import { digestOf } from '../primitives/json.ts'
import { dependenceOnBlock, type Elsewhere } from './elsewhere.ts'
import { differenceForWorse, requireAsShown } from './shownEffects.ts'

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
  /** Decimal text: how much worse a simulation may be than what was shown. */
  readonly maxSlippagePercent: string
  /** Critical findings with which the operator lets transactions pass. */
  readonly findingsAllowed: readonly FindingCode[]
}

/** What is to be judged: simulated, with everything that would leave the account. */
export interface Judged {
  readonly chain: Chain
  readonly account: string
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
  /** What the caller saw when it was prepared; absent while it is being prepared. */
  readonly shown?: readonly Effect[]
}

const GWEI_DECIMALS = 9
/** Per cent with two decimals: hundredths of a per cent. */
const PERCENT_DECIMALS = 2

/** The first policy: caps on the price of gas (D4), on the fee (T35), and per transaction and asset (F3). */
export class Policy {
  /** Names the rules that gave a verdict; receipts carry it. */
  readonly version: string
  readonly #rules: PolicyRules
  readonly #maxGasPrice: bigint
  readonly #maxSlippage: bigint

  constructor(rules: PolicyRules) {
    this.#rules = rules
    this.version = digestOf(rules).slice(0, 18)
    this.#maxGasPrice = exact(rules.maxGasPriceGwei, GWEI_DECIMALS)
    this.#maxSlippage = exact(rules.maxSlippagePercent, PERCENT_DECIMALS)
  }

  /** Native base units per unit of gas; nothing is signed above it (D4). */
  get maxGasPrice(): bigint {
    return this.#maxGasPrice
  }

  get maxGasPriceGwei(): string {
    return this.#rules.maxGasPriceGwei
  }

  /** The caps in words, for get_wallets. */
  describe(): readonly string[] {
    const caps = this.#rules.perTransaction.map((cap) => {
      return `at most ${cap.max} ${cap.asset} per transaction on ${placeOf(cap)}`
    })
    const fees = this.#rules.feePerTransaction.map((cap) => {
      return `at most ${cap.max} native for the gas of a transaction on ${placeOf(cap)}`
    })
    return [...caps, ...fees, `at most ${this.maxGasPriceGwei} gwei per gas`]
  }

  /**
   * The rules that were applied, in words, and what was found. Throws `policy_denied`, `gas_price_above_cap` or
   * `effects_changed`. Approvals count as what they allow to be taken.
   */
  judge(judged: Judged): { readonly rules: readonly string[]; readonly found: readonly Finding[] } {
    const { chain, account, outflow, effects, findings, shown } = judged
    const fees = [this.#judgeGasPrice(judged), this.#judgeFee(judged)]
    if (shown) requireAsShown(chain, account, shown, effects, this.#maxSlippage)
    const found = [...dependenceOnBlock(judged, this.#maxSlippage), ...findings]
    const allowed = found.flatMap((each) => this.#judgeFinding(chain, each))
    const caps = outflows(account, outflow, effects).map(({ asset, raw }) =>
      this.#judgeOutflow(chain, asset, raw),
    )
    return { rules: [...fees, ...allowed, ...caps], found }
  }

  /** What is worse for the account than what was shown, in words; undefined when nothing is, or no more than may be. */
  worseThanShown(account: string, shown: readonly Effect[], now: readonly Effect[]): string | undefined {
    return differenceForWorse(account, shown, now, this.#maxSlippage)
  }

  #judgeFinding(chain: Chain, { code, severity, detail }: Finding): readonly string[] {
    if (severity !== 'critical') return []
    if (this.#rules.findingsAllowed.includes(code)) return [`${code}: the operator allows it`]
    const reason = `${detail} (the operator can allow it by FINDINGS_ALLOWED)`
    throw new BursarError('policy_denied', { rule: code, reason }, { chain: chain.id })
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

  #judgeOutflow(chain: Chain, asset: Asset, raw: bigint): string {
    const name = asset.symbol ?? asset.id
    const amount = `${formatUnits(raw, asset.decimals)} ${name}`
    const cap = this.#capFor(chain, asset)
    if (cap === undefined) {
      if (chain.network !== 'mainnet') return `${amount}: no cap is set for ${name} on a test network`
      const reason = `no cap is set for ${name}, and on a mainnet nothing leaves without one (MAX_PER_TRANSACTION)`
      throw new BursarError('policy_denied', { rule: 'per-transaction-cap', reason }, { chain: chain.id })
    }
    const max = parseAmount(cap.max, asset.decimals)
    if (typeof max !== 'bigint' || raw > max) {
      const reason = `${amount} would leave, above the cap of ${cap.max} ${name} per transaction`
      throw new BursarError('policy_denied', { rule: 'per-transaction-cap', reason }, { chain: chain.id })
    }
    return `${amount}: within the cap of ${cap.max} per transaction`
  }

  /** The most specific cap: by chain before `*`, by address before symbol. */
  #capFor(chain: Chain, asset: Asset): Cap | undefined {
    const names = asset.address ? [asset.address, asset.symbol] : ['native', asset.symbol]
    for (const place of [chain.id, '*']) {
      for (const name of names) {
        const wanted = name?.toLowerCase()
        const cap = this.#rules.perTransaction.find((each) => {
          return each.chain === place && each.asset.toLowerCase() === wanted
        })
        if (cap) return cap
      }
    }
    return undefined
  }
}

/** Base units of what the operator set; the configuration was checked when it was read. */
function exact(text: string, decimals: number): bigint {
  const raw = parseAmount(text, decimals)
  if (typeof raw !== 'bigint') throw new TypeError(`"${text}" is ${raw}`)
  return raw
}

const placeOf = ({ chain }: { readonly chain: string }) => (chain === '*' ? 'every chain' : chain)
