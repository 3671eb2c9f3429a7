import type { ChainDirectory, FeeReading, Urgency } from '../chains/adapter.ts'
import { amountOf, gweiOf } from '../chains/amounts.ts'
import { withinLimit } from '../chains/feeTerms.ts'
import { chainRef } from '../chains/registry.ts'
import type { Amount } from '../primitives/amount.ts'
import type { Caller } from '../primitives/caller.ts'
import type { BlockRef, ChainRef } from '../primitives/chainRef.ts'

export interface GasQuery {
  readonly chain: string
  /** Gas units of a payload to price; 21000 (a plain transfer on EVM chains) when absent. */
  readonly gasLimit?: string
}

export interface GasTier {
  readonly maxFeePerGasGwei: string
  readonly maxPriorityFeePerGasGwei: string
  /** At the next block's base fee. */
  readonly expected: Amount
  /** The most that could be paid. */
  readonly ceiling: Amount
}

export interface GasQuote {
  readonly chain: ChainRef
  readonly at: BlockRef
  readonly baseFeeGwei: string
  readonly nextBaseFeeGwei: string
  readonly congestion: FeeReading['congestion']
  readonly trend: FeeReading['trend']
  readonly gasLimit: string
  readonly tiers: Readonly<Record<Urgency, GasTier>>
  readonly cap: { readonly maxGasPriceGwei: string; readonly verdict: 'below-cap' | 'above-cap' }
}

/** The policy's cap on the price of gas, as far as quotes need it. */
export interface GasCap {
  readonly maxGasPriceGwei: string
  /** Native base units per unit of gas. */
  readonly maxGasPrice: bigint
}

const PLAIN_TRANSFER_GAS = '21000'

/** What a payload costs now. */
export class GasQuotes {
  readonly #directory: ChainDirectory
  readonly #cap: GasCap

  constructor(directory: ChainDirectory, cap: GasCap) {
    this.#directory = directory
    this.#cap = cap
  }

  async quote(query: GasQuery, caller: Caller): Promise<GasQuote> {
    const adapter = await this.#directory.adapter(query.chain)
    const reading = await adapter.fees(caller.signal)
    const gasLimit = query.gasLimit ?? PLAIN_TRANSFER_GAS
    const tier = (urgency: Urgency): GasTier => {
      const terms = withinLimit(reading, { urgency, maxGasPrice: this.#cap.maxGasPrice })
      const expected = (reading.nextBaseFee + BigInt(terms.maxPriorityFeePerGas)) * BigInt(gasLimit)
      return {
        maxFeePerGasGwei: gweiOf(terms.maxFeePerGas),
        maxPriorityFeePerGasGwei: gweiOf(terms.maxPriorityFeePerGas),
        expected: amountOf(adapter.native, expected),
        ceiling: amountOf(adapter.native, BigInt(terms.maxFeePerGas) * BigInt(gasLimit)),
      }
    }
    // What simulate_transaction would do without an urgency, so that both say the same.
    const standard = withinLimit(reading, { urgency: 'standard', maxGasPrice: this.#cap.maxGasPrice })
    return {
      chain: chainRef(adapter.chain),
      at: reading.block,
      baseFeeGwei: gweiOf(reading.baseFee),
      nextBaseFeeGwei: gweiOf(reading.nextBaseFee),
      congestion: reading.congestion,
      trend: reading.trend,
      gasLimit,
      tiers: { slow: tier('slow'), standard: tier('standard'), fast: tier('fast') },
      cap: {
        maxGasPriceGwei: this.#cap.maxGasPriceGwei,
        verdict: BigInt(standard.maxFeePerGas) <= this.#cap.maxGasPrice ? 'below-cap' : 'above-cap',
      },
    }
  }
}
