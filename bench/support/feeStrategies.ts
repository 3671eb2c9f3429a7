import type { FeeTerms, Urgency } from '../../src/chains/adapter.ts'
import { nextBaseFee } from '../../src/evm/fees/baseFee.ts'
import { PERCENTILES } from '../../src/evm/fees/feeHistory.ts'
import { type Outlook, outlook } from '../../src/evm/fees/readFees.ts'
import { GAS_LIMIT, type MarketBlock } from './feeMarket.ts'

/** Blocks within which a tier is to be included. */
export const TARGETS: Readonly<Record<Urgency, number>> = { slow: 6, standard: 3, fast: 1 }
export const MOST_BLOCKS = 6

/** In wei per gas. */
export interface Bid {
  readonly maxFee: bigint
  readonly tip: bigint
}

export interface Outcome {
  /** 1 for the next block. */
  readonly blocks: number
  readonly price: bigint
  /** What would have been enough in that block. */
  readonly enough: bigint
}

/** What becomes of a plain transfer that is sent before block `at` is built. */
export function outcomeOf(
  { maxFee, tip }: Bid,
  blocks: readonly MarketBlock[],
  at: number,
): Outcome | undefined {
  for (let ahead = 0; ahead < MOST_BLOCKS; ahead++) {
    const block = blocks[at + ahead]
    if (!block) throw new Error(`there is no block ${at + ahead}`)
    const { baseFee, marginalTip } = block
    const offered = tip < maxFee - baseFee ? tip : maxFee - baseFee
    if (offered <= marginalTip) continue
    return { blocks: ahead + 1, price: baseFee + offered, enough: baseFee + marginalTip + 1n }
  }
  return undefined
}

const WINDOW = 20
const RULE = { target: [1, 2], denominator: 8 } as const

/** A block as eth_feeHistory tells of it. */
export interface HistoryRow {
  readonly block: MarketBlock
  readonly tips: readonly bigint[]
  readonly fullness: number
}

/** With tips at the percentiles that the engine asks for, by gas, as geth gives them. */
export function historyRow(block: MarketBlock): HistoryRow {
  const { included, gasUsed } = block
  const tips = PERCENTILES.map((percentile) => {
    const wanted = (Number(gasUsed) * percentile) / 100
    let gas = 0
    const reached = included.find((each) => {
      gas += each.gas
      return gas >= wanted
    })
    return reached?.tip ?? 0n
  })
  return { block, tips, fullness: Number(gasUsed) / Number(GAS_LIMIT) }
}

/** What the engine makes of the blocks before `at`. */
export function engineOutlook(rows: readonly HistoryRow[], at: number): ReturnType<typeof outlook> {
  const recent = rows.slice(at - WINDOW, at)
  const newest = recent.at(-1)?.block
  if (!newest) throw new Error(`there is no block before ${at}`)
  const next = nextBaseFee({ ...newest, gasLimit: GAS_LIMIT, extraData: '0x' }, RULE)
  const history: Outlook['history'] = {
    newest: BigInt(at - 1),
    baseFees: recent.map(({ block }) => block.baseFee),
    nextBaseFee: next,
    tips: recent.map(({ tips }) => tips),
    fullness: recent.map(({ fullness }) => fullness),
  }
  return outlook({ history, next, rule: RULE, minTip: 1_000_000n })
}

export function bidOf({ maxFeePerGas, maxPriorityFeePerGas }: FeeTerms): Bid {
  return { maxFee: BigInt(maxFeePerGas), tip: BigInt(maxPriorityFeePerGas) }
}

/**
 * eth_maxPriorityFeePerGas before each block as geth computes it (eth/gasprice): of each of 20 blocks the three lowest
 * tips of at least 2 wei, or the last suggestion where there are none, and of those the 60th percentile.
 */
export function gethTips(blocks: readonly MarketBlock[]): readonly bigint[] {
  const lowest = blocks.map(({ included }) => included.filter(({ tip }) => tip >= 2n).slice(0, 3))
  let last = 1_000_000_000n
  return blocks.map((_, at) => {
    const seen = lowest
      .slice(Math.max(0, at - 20), at)
      .flatMap((tips) => (tips.length > 0 ? tips.map(({ tip }) => tip) : [last]))
    seen.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
    last = seen[Math.floor(((seen.length - 1) * 60) / 100)] ?? last
    return last
  })
}

/** eth_gasPrice: base fee of the head plus the suggested tip, all of which is paid. Per mille raises it. */
export function gasPriceBid(head: MarketBlock, tip: bigint, perMille: bigint): Bid {
  const price = ((head.baseFee + tip) * perMille) / 1000n
  return { maxFee: price, tip: price }
}

/** viem's estimateFeesPerGas: base fee of the head × 1.2 plus the node's tip. */
export function viemBid({ baseFee }: MarketBlock, tip: bigint): Bid {
  return { maxFee: (baseFee * 12n) / 10n + tip, tip }
}
