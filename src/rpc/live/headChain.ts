/** What links a block to the chain. */
export interface HeadBlock {
  readonly number: bigint
  readonly hash: string
  readonly parentHash: string
}

export type HeadEvent =
  | { readonly kind: 'head'; readonly block: HeadBlock }
  /** Blocks above `ancestor` that were seen before are no longer part of the chain; `depth` of them. */
  | {
      readonly kind: 'reorg'
      readonly depth: number
      readonly ancestor: HeadBlock
      readonly dropped: readonly HeadBlock[]
    }

/** Deeper reorganisations than this are reported from the oldest block that is remembered. */
const REMEMBERED = 256

/**
 * The newest blocks as a chain of parent hashes. Whoever hears of a new head tells it here; the blocks in between
 * are fetched by hash, so that every block is announced once, in order, and a reorganisation is seen however the
 * news arrives.
 */
export class HeadChain {
  readonly #byHash: (hash: string) => Promise<HeadBlock | undefined>
  /** Oldest first, each the parent of the next. */
  #blocks: HeadBlock[] = []
  #advancing: Promise<unknown> = Promise.resolve()

  constructor(byHash: (hash: string) => Promise<HeadBlock | undefined>) {
    this.#byHash = byHash
  }

  get newest(): HeadBlock | undefined {
    return this.#blocks.at(-1)
  }

  /** What a new head means, in the order in which it happened. News is taken one at a time. */
  advance(head: HeadBlock): Promise<readonly HeadEvent[]> {
    const advance = this.#advancing.then(() => this.#take(head))
    this.#advancing = advance.catch(() => undefined)
    return advance
  }

  async #take(head: HeadBlock): Promise<readonly HeadEvent[]> {
    if (this.#blocks.some(({ hash }) => hash === head.hash)) return []
    const newest = this.newest
    if (!newest) {
      this.#blocks = [head]
      return [{ kind: 'head', block: head }]
    }
    // A lower head is late news, or a chain that was rolled back and is seen as soon as it has grown again.
    if (head.number < newest.number) return []
    const branch = await this.#branchTo(head)
    const base = branch[0]?.parentHash
    const at = this.#blocks.findIndex(({ hash }) => hash === base)
    const ancestor = this.#blocks[at]
    if (!ancestor) {
      // Nothing that is remembered is below the new head: start again from it.
      const dropped = this.#blocks
      this.#blocks = branch
      const oldest = dropped[0] as HeadBlock
      const reorg = { kind: 'reorg' as const, depth: dropped.length, ancestor: oldest, dropped }
      return [...(isBeyond(branch, newest) ? [] : [reorg]), ...branch.map(asHead)]
    }
    const dropped = this.#blocks.slice(at + 1)
    this.#blocks = [...this.#blocks.slice(0, at + 1), ...branch].slice(-REMEMBERED)
    const reorg = { kind: 'reorg' as const, depth: dropped.length, ancestor, dropped }
    return [...(dropped.length > 0 ? [reorg] : []), ...branch.map(asHead)]
  }

  /** The blocks from the first unknown one up to `head`, oldest first. */
  async #branchTo(head: HeadBlock): Promise<HeadBlock[]> {
    const known = new Set(this.#blocks.map(({ hash }) => hash))
    const branch = [head]
    while (branch.length < REMEMBERED) {
      const lowest = branch[0] as HeadBlock
      if (known.has(lowest.parentHash) || lowest.number === 0n) break
      const parent = await this.#byHash(lowest.parentHash)
      if (!parent) break
      branch.unshift(parent)
    }
    return branch
  }
}

const asHead = (block: HeadBlock): HeadEvent => ({ kind: 'head', block })

/** A gap longer than what is remembered, rather than another chain. */
function isBeyond(branch: readonly HeadBlock[], newest: HeadBlock): boolean {
  const lowest = branch[0]
  return lowest !== undefined && lowest.number > newest.number + 1n
}
