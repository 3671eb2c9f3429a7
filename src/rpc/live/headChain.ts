import { garbage, type HeadBlock } from './blocks.ts'
import { changesBetween, type HeadEvent } from './headChanges.ts'

/** Where blocks come from that nobody announced. */
export interface BlockSource {
  /** The block of that hash. Throws when it cannot be had now. */
  byHash(hash: string): Promise<HeadBlock>
  /** The block that is on the chain at that height now. */
  byNumber(number: bigint): Promise<HeadBlock | undefined>
}

/** Blocks that are remembered; a deeper reorganisation or a longer gap loses the thread. */
const REMEMBERED = 256

/**
 * A lower head that is on our own chain is late news, or what another endpoint has not heard of yet; only when
 * the chain is found shorter this many times in a row was it really rolled back.
 */
const LOOKS_BEFORE_ROLLBACK = 3

/**
 * The newest blocks as a chain of parent hashes. Whoever hears of a head tells it here; the blocks in between are
 * fetched by hash, so that every block is known once, in order, and a reorganisation is seen however the news
 * arrives.
 */
export class HeadChain {
  readonly #source: BlockSource
  readonly #remembered: number
  #path: readonly HeadBlock[] = []
  #advancing: Promise<unknown> = Promise.resolve()
  #foundShorter = 0

  constructor(source: BlockSource, remembered = REMEMBERED) {
    this.#source = source
    this.#remembered = remembered
  }

  /** Oldest first, each the parent of the next. Replaced, never changed. */
  get path(): readonly HeadBlock[] {
    return this.#path
  }

  get newest(): HeadBlock | undefined {
    return this.#path.at(-1)
  }

  /** Begins again with these blocks, oldest first, each the parent of the next. */
  restart(blocks: readonly HeadBlock[]): readonly HeadEvent[] {
    return this.#become(blocks)
  }

  /**
   * What a head means, in the order in which it happened; heads are taken one at a time. Throws, and changes
   * nothing, when a block that is needed cannot be had. `byNumber` says what is on the chain now; by default the
   * source does.
   */
  advance(head: HeadBlock, byNumber?: BlockSource['byNumber']): Promise<readonly HeadEvent[]> {
    const ask = byNumber ?? ((number: bigint) => this.#source.byNumber(number))
    const advance = this.#advancing.then(() => this.#take(head, ask))
    this.#advancing = advance.catch(() => undefined)
    return advance
  }

  async #take(head: HeadBlock, byNumber: BlockSource['byNumber']): Promise<readonly HeadEvent[]> {
    const { newest } = this
    if (!newest) return this.#become([head])
    if (head.hash === newest.hash) {
      this.#foundShorter = 0
      return []
    }
    if (head.number <= newest.number) return this.#takeLower(head, newest, byNumber)
    this.#foundShorter = 0
    return this.#become(await this.#joined(head))
  }

  /** A head that is not above ours: late news, another branch, or a chain that was rolled back. */
  async #takeLower(
    head: HeadBlock,
    newest: HeadBlock,
    byNumber: BlockSource['byNumber'],
  ): Promise<readonly HeadEvent[]> {
    const there = await byNumber(newest.number)
    if (there?.hash === newest.hash) {
      this.#foundShorter = 0
      return []
    }
    if (there) return this.#become(await this.#joined(there))
    const at = this.#path.findIndex(({ hash }) => hash === head.hash)
    const isAnotherBranch = at < 0 && head.number >= (this.#path[0]?.number ?? 0n)
    if (!isAnotherBranch && ++this.#foundShorter < LOOKS_BEFORE_ROLLBACK) return []
    this.#foundShorter = 0
    return this.#become(at < 0 ? await this.#joined(head) : this.#path.slice(0, at + 1))
  }

  /** The path that ends in `head`; just `head` when nothing that is remembered is below it. */
  async #joined(head: HeadBlock): Promise<readonly HeadBlock[]> {
    const oldest = this.#path[0]
    const newest = this.newest
    if (!oldest || !newest || head.number - newest.number > BigInt(this.#remembered)) return [head]
    const place = new Map(this.#path.map(({ hash }, index) => [hash, index]))
    const branch = [head]
    for (let lowest = head; !place.has(lowest.parentHash); ) {
      if (lowest.number <= oldest.number) return branch.reverse()
      const parent = await this.#source.byHash(lowest.parentHash)
      // Invented ancestors need have no end.
      if (parent.number !== lowest.number - 1n)
        throw garbage('a source of blocks', 'a parent of another height')
      lowest = parent
      branch.push(lowest)
    }
    const ancestor = place.get((branch.at(-1) as HeadBlock).parentHash) ?? 0
    return [...this.#path.slice(0, ancestor + 1), ...branch.reverse()]
  }

  #become(path: readonly HeadBlock[]): readonly HeadEvent[] {
    const before = this.#path
    this.#path = path.slice(-this.#remembered)
    return changesBetween(before, this.#path)
  }
}
