/**
 * Generated demand for block space, and the blocks that EIP-1559 makes of it. Nothing here knows what is measured with
 * it: transactions arrive with a price that they are worth to their sender and a habit of tipping, wait in a pool, and
 * builders take what tips most.
 */

export type Regime = 'calm' | 'rising' | 'spike' | 'falling'

export interface MarketBlock {
  readonly regime: Regime
  /** In wei per gas, as are all prices here. */
  readonly baseFee: bigint
  readonly gasUsed: bigint
  /** Tips of what it includes, ascending, with the gas of each. */
  readonly included: readonly Included[]
  /** A transfer that arrived in time was included when it tipped more than this. */
  readonly marginalTip: bigint
}

export interface Included {
  readonly tip: bigint
  readonly gas: number
}

interface Waiting {
  /** Wei per gas; doubles are exact enough for senders. */
  readonly maxFee: number
  readonly tip: number
  readonly gas: number
  readonly arrived: number
}

export const GAS_LIMIT = 36_000_000n
const TARGET_GAS = Number(GAS_LIMIT) / 2
const MEAN_GAS = 100_000
const GWEI = 1e9
/** What builders take at least: geth's default. */
const LEAST_TIP = 1e6
const PATIENCE_BLOCKS = 40
const TRANSFER_GAS = 21_000

/** Uniform in [0, 1), the same for the same seed on every machine (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Blocks of a market in turn calm, rising, in spikes and falling. */
export function feeMarket(seed: number, blocks: number): readonly MarketBlock[] {
  const random = randomFrom(seed)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const climate = climateFrom(random, normal)
  const made: MarketBlock[] = []
  let pool: Waiting[] = []
  let baseFee = BigInt(12 * GWEI)
  for (let number = 0; number < blocks; number++) {
    const weather = climate()
    pool.push(...arrivals(weather, number, random, normal))
    const isEmpty = random() < 0.01
    const { block, left } = build(pool, baseFee, isEmpty, weather.regime)
    made.push(block)
    pool = left.filter(({ arrived, maxFee }) => {
      return number - arrived < PATIENCE_BLOCKS && maxFee > Number(baseFee) / 4
    })
    baseFee = nextBaseFee(baseFee, block.gasUsed)
  }
  return made
}

interface Weather {
  readonly regime: Regime
  /** What the median transaction is worth to its sender. */
  readonly worth: number
  /** Against what the target takes at that price. */
  readonly crowd: number
}

/** Episodes of random length; what block space is worth wanders in all of them. */
function climateFrom(random: () => number, normal: () => number): () => Weather {
  let regime: Regime = 'calm'
  let left = 150
  let level = Math.log(12 * GWEI)
  let drift = 0
  let mood = 0
  const home = level
  const begin = (next: Regime, length: number, change: number) => {
    regime = next
    left = length
    drift = change / length
  }
  const advance = () => {
    if (regime === 'rising') return random() < 0.5 ? begin('spike', 8 + random() * 40, 0) : fall()
    if (regime === 'calm') return random() < 0.5 ? rise() : begin('spike', 5 + random() * 40, 0)
    return regime === 'spike' ? fall() : begin('calm', 100 + random() * 250, 0)
  }
  const rise = () => begin('rising', 40 + random() * 160, Math.log(2 + random() * 4))
  const fall = () => begin('falling', 60 + random() * 140, home - level + normal() * 0.3)
  return () => {
    if (--left <= 0) advance()
    level += drift
    mood = 0.9 * mood + 0.06 * normal()
    // A missed slot brings the arrivals of two; no two blocks see the same crowd.
    const missed = random() < 0.01 ? 2 : 1
    const noise = Math.exp(0.25 * normal() - 0.03)
    const rush = regime === 'spike' ? 4 : 1
    return {
      regime,
      worth: Math.exp(level + mood) * (regime === 'spike' ? 2 : 1),
      crowd: missed * noise * rush,
    }
  }
}

function arrivals(
  { worth, crowd, regime }: Weather,
  number: number,
  random: () => number,
  normal: () => number,
): Waiting[] {
  // Half of them are willing to pay what the median is worth: twice the target arrives.
  const expected = (2 * crowd * TARGET_GAS) / MEAN_GAS
  const count = Math.max(0, Math.round(expected + Math.sqrt(expected) * normal()))
  return Array.from({ length: count }, () => {
    const maxFee = worth * Math.exp(0.8 * normal())
    const gas = Math.max(TRANSFER_GAS, Math.min(1_500_000, 70_000 * Math.exp(0.85 * normal())))
    return { maxFee, tip: habit(maxFee, regime, random, normal), gas: Math.round(gas), arrived: number }
  })
}

/** How senders tip: some not at all, some what their wallet always puts there, some as they bid. */
function habit(maxFee: number, regime: Regime, random: () => number, normal: () => number): number {
  const bidders = regime === 'spike' ? 0.4 : 0.06
  const who = random()
  if (who < bidders) return maxFee * Math.min(1, 0.15 * Math.exp(0.9 * normal()))
  const rest = (who - bidders) / (1 - bidders)
  if (rest < 0.08) return LEAST_TIP
  if (rest < 0.4) return GWEI * 0.05 * Math.exp(0.8 * normal())
  if (rest < 0.6) return GWEI
  if (rest < 0.8) return GWEI * 1.5
  return GWEI * 2
}

function build(
  pool: readonly Waiting[],
  baseFee: bigint,
  isEmpty: boolean,
  regime: Regime,
): { block: MarketBlock; left: Waiting[] } {
  const base = Number(baseFee)
  const willing = pool.flatMap((each) => {
    const tip = Math.min(each.tip, each.maxFee - base)
    return isEmpty || tip < LEAST_TIP ? [] : [{ each, tip }]
  })
  willing.sort((a, b) => b.tip - a.tip)
  const taken = new Set<Waiting>()
  const included: Included[] = []
  let gasUsed = 0
  for (const { each, tip } of willing) {
    if (gasUsed + each.gas > Number(GAS_LIMIT)) continue
    gasUsed += each.gas
    taken.add(each)
    included.push({ tip: BigInt(Math.floor(tip)), gas: each.gas })
  }
  included.reverse()
  const hasRoom = gasUsed + TRANSFER_GAS <= Number(GAS_LIMIT)
  const marginalTip = isEmpty ? 2n ** 255n : hasRoom ? BigInt(LEAST_TIP) - 1n : (included[0]?.tip ?? 0n)
  return {
    block: { regime, baseFee, gasUsed: BigInt(gasUsed), included, marginalTip },
    left: pool.filter((each) => !taken.has(each)),
  }
}

/** EIP-1559, written here again: the market must not depend on what is measured with it. */
function nextBaseFee(baseFee: bigint, gasUsed: bigint): bigint {
  const target = GAS_LIMIT / 2n
  if (gasUsed === target) return baseFee
  if (gasUsed < target) return baseFee - (baseFee * (target - gasUsed)) / target / 8n
  const change = (baseFee * (gasUsed - target)) / target / 8n
  return baseFee + (change > 0n ? change : 1n)
}
