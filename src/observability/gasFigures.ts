import type { GasUseRow } from '../store/schema.ts'

/** Sums over final transactions; amounts in native base units. */
export interface Sums {
  readonly count: number
  readonly reverted: number
  readonly paid: bigint
  /** What those that reverted cost. */
  readonly lost: bigint
  /** How many of them the node had suggested a price for, and how much less they paid than that; negative for more. */
  readonly compared: number
  readonly saved: bigint
  /** Blocks from simulation to inclusion, over those of which that is known. */
  readonly waits: number
  readonly waited: number
  /** Units of gas of calls that succeeded, and how much they might have used. */
  readonly calls: number
  readonly gasUsed: bigint
  readonly gasLimit: bigint
}

export type Pace = NonNullable<GasUseRow['pace']>

/** What the transactions of one chain come to. */
export interface ChainFigures {
  readonly all: Sums
  /** By contract and selector, with a space between. */
  readonly byAction: ReadonlyMap<string, Sums>
  readonly byPace: ReadonlyMap<Pace, Sums>
}

const NONE: Sums = {
  ...{ count: 0, reverted: 0, paid: 0n, lost: 0n, compared: 0, saved: 0n },
  ...{ waits: 0, waited: 0, calls: 0, gasUsed: 0n, gasLimit: 0n },
}

/** Figures by chain id. */
export async function gasFigures(uses: AsyncIterable<GasUseRow>): Promise<ReadonlyMap<string, ChainFigures>> {
  const chains = new Map<string, Counting>()
  for await (const use of uses) {
    const chain = chains.get(use.chain) ?? { all: NONE, byAction: new Map(), byPace: new Map() }
    chains.set(use.chain, chain)
    chain.all = plus(chain.all, use)
    const action = `${use.contract} ${use.selector}`
    chain.byAction.set(action, plus(chain.byAction.get(action) ?? NONE, use))
    if (use.pace !== null) chain.byPace.set(use.pace, plus(chain.byPace.get(use.pace) ?? NONE, use))
  }
  return chains
}

interface Counting {
  all: Sums
  readonly byAction: Map<string, Sums>
  readonly byPace: Map<Pace, Sums>
}

function plus(sums: Sums, use: GasUseRow): Sums {
  const [used, paid] = [BigInt(use.gas_used), BigInt(use.fee_paid)]
  const failed = use.succeeded === 0
  const isCall = !failed && use.selector !== ''
  const less = use.suggested === null ? 0n : BigInt(use.suggested) - BigInt(use.gas_price)
  return {
    count: sums.count + 1,
    reverted: sums.reverted + (failed ? 1 : 0),
    paid: sums.paid + paid,
    lost: sums.lost + (failed ? paid : 0n),
    compared: sums.compared + (use.suggested === null ? 0 : 1),
    saved: sums.saved + less * used,
    waits: sums.waits + (use.waited === null ? 0 : 1),
    waited: sums.waited + (use.waited ?? 0),
    calls: sums.calls + (isCall ? 1 : 0),
    gasUsed: sums.gasUsed + (isCall ? used : 0n),
    gasLimit: sums.gasLimit + (isCall ? BigInt(use.gas_limit) : 0n),
  }
}
