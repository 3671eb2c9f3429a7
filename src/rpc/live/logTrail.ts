import type { BlockPoint } from './blocks.ts'
import type { LogEvent } from './logEvents.ts'

/**
 * Where a reader of events stands. Plain JSON: kept, and given back after a restart, it goes on without loss or
 * double, also when the chain was reorganised meanwhile.
 */
export interface LogCursor {
  /** The first block that was not fully told yet, in decimal. */
  readonly next: string
  /** Blocks that were told, the newest first and ever wider apart: what the chain is compared with. */
  readonly seen: readonly { readonly number: string; readonly hash: string }[]
  /** The block that it began with, while nothing has been forgotten since. */
  readonly from?: string
}

interface Told extends BlockPoint {
  readonly logs: readonly LogEvent[]
}

/** Blocks, and events over all of them, that can be withdrawn one by one. */
const KEPT_BLOCKS = 256
const KEPT_EVENTS = 20_000

/** The blocks whose events were told, oldest first; not every block has to be there. */
export class LogTrail {
  #told: Told[]
  #next: bigint
  #from: bigint | undefined
  #events = 0

  private constructor(told: Told[], next: bigint, from: bigint | undefined) {
    this.#told = told
    this.#next = next
    this.#from = from
  }

  static beginningAt(block: bigint): LogTrail {
    return new LogTrail([], block, block)
  }

  static resumedAt({ next, seen, from }: LogCursor): LogTrail {
    const told = seen.map(({ number, hash }) => ({ number: BigInt(number), hash, logs: [] })).reverse()
    return new LogTrail(told, BigInt(next), from === undefined ? undefined : BigInt(from))
  }

  /** The first block that was not told. */
  get next(): bigint {
    return this.#next
  }

  get newest(): BlockPoint | undefined {
    return this.#told.at(-1)
  }

  /** Newest first. */
  get points(): readonly BlockPoint[] {
    return this.#told.toReversed()
  }

  /** Notes that everything up to the last of these blocks has been told. */
  tell(blocks: readonly BlockPoint[], logs: readonly LogEvent[]): void {
    const byBlock = new Map<string, LogEvent[]>(blocks.map(({ hash }) => [hash, []]))
    for (const event of logs) byBlock.get(event.blockHash)?.push(event)
    for (const { number, hash } of blocks) this.#told.push({ number, hash, logs: byBlock.get(hash) ?? [] })
    this.#events += logs.length
    this.#next = (blocks.at(-1)?.number ?? this.#next - 1n) + 1n
    while (this.#told.length > KEPT_BLOCKS || (this.#events > KEPT_EVENTS && this.#told.length > 1)) {
      this.#events -= this.#told.shift()?.logs.length ?? 0
      this.#from = undefined
    }
  }

  /**
   * Goes back to a block that is still on the chain, or to the beginning, and returns the events above it in the
   * order in which they were told. Undefined when the beginning is no longer known.
   */
  withdrawTo(ancestor: BlockPoint | undefined): readonly LogEvent[] | undefined {
    const from = ancestor ? ancestor.number + 1n : this.#from
    if (from === undefined) return undefined
    const kept = ancestor ? this.#told.findIndex(({ hash }) => hash === ancestor.hash) + 1 : 0
    const withdrawn = this.#told.splice(kept).flatMap(({ logs }) => logs)
    this.#events -= withdrawn.length
    this.#next = from
    return withdrawn
  }

  cursor(): LogCursor {
    const seen: { number: string; hash: string }[] = []
    for (let back = 1; back <= this.#told.length; back *= 2) {
      const { number, hash } = this.#told.at(-back) as Told
      seen.push({ number: number.toString(), hash })
    }
    const from = this.#from === undefined ? {} : { from: this.#from.toString() }
    return { next: this.#next.toString(), seen, ...from }
  }
}
