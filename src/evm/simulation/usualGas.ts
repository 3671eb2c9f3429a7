import type { EvmDraft } from '../draft.ts'

const MOST_KINDS = 500

/**
 * The gas limit that a call of the same kind was planned with last, by this process: a guess that saves a round trip.
 * The next one is simulated with it while a node estimates how much it takes, and again if the two do not fit. What it
 * must have at least is told by the journal (learnedGas.ts), and a guess below that does not fit either.
 */
export class UsualGas {
  readonly #limits = new Map<string, bigint>()

  /** Undefined when no such call was planned before. */
  of(draft: EvmDraft): bigint | undefined {
    return this.#limits.get(kindOf(draft))
  }

  note(draft: EvmDraft, limit: bigint): void {
    const kind = kindOf(draft)
    this.#limits.delete(kind)
    this.#limits.set(kind, limit)
    const [oldest] = this.#limits.keys()
    if (oldest !== undefined && this.#limits.size > MOST_KINDS) this.#limits.delete(oldest)
  }
}

/** Whether a call that takes `needed` with its margin may have this limit: enough, and not half as much again. */
export function fitsUsual(limit: bigint, needed: bigint): boolean {
  return needed <= limit && 2n * limit <= 3n * needed
}

/** Contract and function, and how many calls a batch makes. */
const kindOf = ({ callTo, data, calls = [] }: EvmDraft) => `${callTo} ${data.slice(0, 10)} ${calls.length}`
