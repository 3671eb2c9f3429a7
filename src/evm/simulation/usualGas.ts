import type { EvmDraft } from '../draft.ts'

const MOST_KINDS = 500

/**
 * The gas limit that a call of the same kind had last: the next one can be simulated with it in the round trip that
 * estimates how much it takes, and needs no second one when the two fit.
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

/** Contract and function. */
const kindOf = ({ callTo, data }: EvmDraft) => `${callTo} ${data.slice(0, 10)}`
