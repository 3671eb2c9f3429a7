import type { FeeReading, Urgency } from '../chains/adapter.ts'
import { amountOf, gweiOf } from '../chains/amounts.ts'
import type { ChainDirectory } from '../chains/directory.ts'
import { withinLimit } from '../chains/feeTerms.ts'
import { chainRef } from '../chains/registry.ts'
import type { Amount } from '../primitives/amount.ts'
import type { Caller } from '../primitives/caller.ts'
import type { BlockRef, ChainRef } from '../primitives/chainRef.ts'
import { capVerdict, type GasCap, type Waiting, waitingFor } from './spikes.ts'

export interface GasQuery {
  readonly chain: string
  /** Gas units of a payload to price; a plain transfer's when absent. */
  readonly gasLimit?: string
  /** Length of its calldata, decimal text. */
  readonly dataBytes?: string
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
  readonly source: FeeReading['source']
  /** The likely base fees of the five blocks after the next one, and the range of the last. */
  readonly forecast: {
    readonly likelyGwei: readonly string[]
    readonly lowGwei: string
    readonly highGwei: string
  }
  readonly confidence: FeeReading['confidence']
  readonly congestion: FeeReading['congestion']
  readonly trend: FeeReading['trend']
  readonly waiting: Waiting
  readonly gasLimit: string
  /** What of the cost is for data on the parent chain; absent where nothing is. */
  readonly dataFee?: Amount
  readonly tiers: Readonly<Record<Urgency, GasTier>>
  readonly cap: { readonly maxGasPriceGwei: string; readonly verdict: ReturnType<typeof capVerdict> }
}

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
    const { gasLimit, dataBytes = '0' } = query
    const shape = {
      dataBytes: Number(dataBytes),
      ...(gasLimit === undefined ? {} : { gasLimit: BigInt(gasLimit) }),
    }
    const { fees, gas, surcharge, dataFee } = await adapter.price(shape, caller.signal)
    const tier = (urgency: Urgency): GasTier => {
      const terms = withinLimit(fees, { urgency, maxGasPrice: this.#cap.maxGasPrice })
      const price = fees.nextBaseFee + BigInt(terms.maxPriorityFeePerGas)
      return {
        maxFeePerGasGwei: gweiOf(terms.maxFeePerGas),
        maxPriorityFeePerGasGwei: gweiOf(terms.maxPriorityFeePerGas),
        expected: amountOf(adapter.native, price * gas + surcharge.expected),
        ceiling: amountOf(adapter.native, BigInt(terms.maxFeePerGas) * gas + surcharge.ceiling),
      }
    }
    const last = fees.forecast.at(-1)
    return {
      chain: chainRef(adapter.chain),
      at: fees.block,
      baseFeeGwei: gweiOf(fees.baseFee),
      nextBaseFeeGwei: gweiOf(fees.nextBaseFee),
      source: fees.source,
      forecast: {
        likelyGwei: fees.forecast.slice(1).map(({ likely }) => gweiOf(likely)),
        lowGwei: gweiOf(last?.low ?? fees.nextBaseFee),
        highGwei: gweiOf(last?.high ?? fees.nextBaseFee),
      },
      confidence: fees.confidence,
      congestion: fees.congestion,
      trend: fees.trend,
      waiting: waitingFor(fees),
      gasLimit: gas.toString(),
      ...(dataFee === 0n ? {} : { dataFee: amountOf(adapter.native, dataFee) }),
      tiers: { slow: tier('slow'), standard: tier('standard'), fast: tier('fast') },
      cap: { maxGasPriceGwei: this.#cap.maxGasPriceGwei, verdict: capVerdict(fees, this.#cap) },
    }
  }
}
