import type { Asset, Effect, FeeReading, FeeTerms } from '../chains/adapter.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { formatUnits, parseAmount } from '../primitives/amount.ts'
import { digestOf } from '../primitives/json.ts'

/** The most that one transaction may take of an asset. */
export interface Cap {
  /** `*` or a CAIP-2 id. */
  readonly chain: string
  /** `native`, a symbol of the registry, or a token address. */
  readonly asset: string
  /** Decimal text in whole units. */
  readonly max: string
}

export interface PolicyRules {
  /** Decimal text in gwei. */
  readonly maxGasPriceGwei: string
  readonly perTransaction: readonly Cap[]
}

/** What is to be judged: simulated, with everything that would leave the account. */
export interface Judged {
  readonly chain: Chain
  readonly account: string
  /** What the caller said would leave. */
  readonly outflow: { readonly asset: Asset; readonly raw: bigint }
  readonly effects: readonly Effect[]
  readonly terms: FeeTerms
}

const GWEI_DECIMALS = 9

/** The first policy: a cap on the price of gas (D4) and caps per transaction and asset (F3). */
export class Policy {
  /** Names the rules that gave a verdict; receipts carry it. */
  readonly version: string
  readonly #rules: PolicyRules
  readonly #maxGasPrice: bigint

  constructor(rules: PolicyRules) {
    this.#rules = rules
    this.version = digestOf(rules).slice(0, 18)
    const cap = parseAmount(rules.maxGasPriceGwei, GWEI_DECIMALS)
    if (typeof cap !== 'bigint') throw new TypeError(`maxGasPriceGwei is ${cap}`)
    this.#maxGasPrice = cap
  }

  get maxGasPriceGwei(): string {
    return this.#rules.maxGasPriceGwei
  }

  /** The caps in words, for get_wallets. */
  describe(): readonly string[] {
    const caps = this.#rules.perTransaction.map((cap) => {
      return `at most ${cap.max} ${cap.asset} per transaction on ${cap.chain === '*' ? 'every chain' : cap.chain}`
    })
    return [...caps, `at most ${this.maxGasPriceGwei} gwei per gas`]
  }

  /** Whether a fee reading is within the cap on the price of gas. */
  allowsGasPrice(reading: FeeReading): boolean {
    return reading.nextBaseFee <= this.#maxGasPrice
  }

  /**
   * The rules that were applied, in words. Throws `policy_denied` or `gas_price_above_cap`. Approvals count as
   * what they allow to be taken.
   */
  judge(judged: Judged): readonly string[] {
    const price = this.#judgeGasPrice(judged)
    const caps = outflows(judged).map(({ asset, raw }) => this.#judgeOutflow(judged.chain, asset, raw))
    return [price, ...caps]
  }

  #judgeGasPrice({ chain, terms }: Judged): string {
    const price = BigInt(terms.maxFeePerGas)
    if (price > this.#maxGasPrice) {
      const context = { price: formatUnits(price, GWEI_DECIMALS), cap: this.maxGasPriceGwei }
      throw new BursarError('gas_price_above_cap', context, { chain: chain.id })
    }
    return `at most ${formatUnits(price, GWEI_DECIMALS)} gwei per gas, cap ${this.maxGasPriceGwei}`
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

/** Everything that leaves the account or may be taken from it later, by asset. */
function outflows({ account, outflow, effects }: Judged): readonly { asset: Asset; raw: bigint }[] {
  const sums = new Map<string, { asset: Asset; raw: bigint }>()
  for (const effect of effects) {
    if (effect.from !== account) continue
    const sum = sums.get(effect.asset.id)?.raw ?? 0n
    sums.set(effect.asset.id, { asset: effect.asset, raw: sum + effect.raw })
  }
  // What the caller said counts even when no event shows it: not every token tells the truth about itself.
  const shown = sums.get(outflow.asset.id)?.raw ?? 0n
  if (outflow.raw > shown) sums.set(outflow.asset.id, outflow)
  return [...sums.values()]
}
