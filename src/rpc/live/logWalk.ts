import type { Chain } from '../../chains/types.ts'
import { BursarError, isBursarError } from '../../errors/bursarError.ts'
import type { Metrics } from '../../primitives/metrics.ts'
import type { BlockReader } from './blockReader.ts'
import { type BlockPoint, garbage, type HeadBlock } from './blocks.ts'
import { isOf, type LogEvent } from './logEvents.ts'
import type { LogReader, RangeAnswer } from './logReader.ts'
import type { LogCursor, LogTrail } from './logTrail.ts'
import type { RangeSpan } from './rangeSpan.ts'

export type LogBatch =
  /** Events in the order of the chain; none when only the cursor has moved. */
  | { readonly kind: 'logs'; readonly logs: readonly LogEvent[]; readonly cursor: LogCursor }
  /**
   * Everything that was told of blocks above `above` is void: they are no longer on the chain. `logs` are those
   * events, as far as they were told since the start; after a resumption go by `above`.
   */
  | {
      readonly kind: 'removed'
      readonly above: bigint
      readonly logs: readonly LogEvent[]
      readonly cursor: LogCursor
    }

export interface LogWalkOptions {
  readonly chain: Chain
  readonly host: string
  readonly blocks: BlockReader
  readonly reader: LogReader
  readonly span: RangeSpan
  readonly metrics: Metrics
}

/**
 * So many of the newest blocks are asked for one by one, by hash, and no range reaches into them. Behind one URL there
 * are many nodes, and the ends of a range may be answered by another one than its events: one that is a little behind
 * leaves out the newest events and says nothing, and they would count as read. A block that it does not have it
 * refuses, and is asked for again.
 */
const BY_HASH = 12
/** Invalid request, invalid parameters, not supported: the words for a question that a node does not know. */
const UNKNOWN_SHAPE: ReadonlySet<number> = new Set([-32_600, -32_602, -32_004])

/** Walks along the chain of heads and reads the events of each block on it; first back, where it has left it. */
export class LogWalk {
  readonly #options: LogWalkOptions
  readonly #trail: LogTrail
  /** Whether the trail has met the chain since the start: before that, a shorter chain may just be late. */
  #joined = false
  #rangeAsked = 0
  /** When a block by its hash was refused last, it was the question that was not known, and not the block. */
  #refusesHashes = false

  constructor(trail: LogTrail, options: LogWalkOptions) {
    this.#trail = trail
    this.#options = options
  }

  /** The first block that was not told. */
  get next(): bigint {
    return this.#trail.next
  }

  /** Blocks of the last question that was about a range; 0 when it was about single blocks. */
  get rangeAsked(): number {
    return this.#rangeAsked
  }

  /** Whether the newest block that was told is known to be off the chain. */
  isAstray(path: readonly HeadBlock[]): boolean {
    const [oldest] = path
    const head = path.at(-1)
    const { newest } = this.#trail
    if (!newest || !head || !oldest) return false
    if (newest.number > head.number) return this.#joined
    return onPath(newest, path) === false
  }

  /**
   * One stretch of the way to the newest block of `path`; undefined when it is reached. Throws, and stays where it
   * is, when the events cannot be had; `chain_replaced` when nothing that it knows is on the chain any more.
   */
  async step(path: readonly HeadBlock[], tries: number, signal: AbortSignal): Promise<LogBatch | undefined> {
    const head = path.at(-1)
    this.#rangeAsked = 0
    if (!head) return undefined
    if (this.isAstray(path)) return this.#withdraw(path)
    if (head.number < this.next) return undefined
    const firstByHash = head.number - BigInt(BY_HASH) + 1n
    const known = this.next < firstByHash ? path : await this.#reachingDown(path, this.next)
    const oldest = known[0] as HeadBlock
    if (this.next < oldest.number) {
      return this.#readDeep(path, oldest.number < firstByHash ? oldest.number : firstByHash, signal)
    }
    if (known !== path && this.isAstray(known)) return this.#withdraw(known)
    const from = Number(this.next - oldest.number)
    const deep = Number(firstByHash - this.next)
    const most = deep > 0 ? Math.min(deep, this.#options.span.size) : this.#options.span.size
    const blocks = known.slice(from, from + most)
    // Turn about, where a range loses nothing, or an endpoint does not know the one way of asking.
    const mayRange = tries % 2 === 1 && (deep > 0 || this.#refusesHashes)
    return this.#told(blocks, await this.#logsOf(blocks, mayRange, signal))
  }

  /** The path with its ancestors down to `from`: after a gap the chain of heads knows no more than the newest block. */
  async #reachingDown(path: readonly HeadBlock[], from: bigint): Promise<readonly HeadBlock[]> {
    const { blocks, host } = this.#options
    let lowest = path[0] as HeadBlock
    if (lowest.number <= from) return path
    await blocks.readAhead(from, lowest.number - 1n)
    const known = [...path]
    while (lowest.number > from) {
      const parent = await blocks.byHash(lowest.parentHash)
      if (parent.number !== lowest.number - 1n) throw garbage(host, 'a parent of another height')
      known.unshift(parent)
      lowest = parent
    }
    return known
  }

  /** The events of blocks of which each hash is known. */
  async #logsOf(
    blocks: readonly HeadBlock[],
    mayRange: boolean,
    signal: AbortSignal,
  ): Promise<readonly LogEvent[]> {
    if (blocks.length <= BY_HASH && !mayRange) return this.#byHash(blocks, signal)
    const first = blocks[0] as HeadBlock
    const last = blocks.at(-1) as HeadBlock
    const answer = await this.#ofRange(first.number, last.number, signal)
    const isOurs = (event: LogEvent) => {
      const block = blocks[Number(event.blockNumber - first.number)]
      return block !== undefined && isOf(event, block)
    }
    const sameChain = answer.first?.hash === first.hash && answer.last?.hash === last.hash
    if (!sameChain || !answer.logs.every(isOurs)) throw this.#elsewhere()
    return answer.logs
  }

  async #byHash(blocks: readonly HeadBlock[], signal: AbortSignal): Promise<readonly LogEvent[]> {
    try {
      return await this.#options.reader.ofBlocks(blocks, signal)
    } catch (error) {
      // A node that is behind refuses the block, not the question.
      this.#refusesHashes = isBursarError(error, 'rpc_refused') && UNKNOWN_SHAPE.has(error.context.code)
      throw error
    }
  }

  /** Events below `below`, of blocks that the chain of heads does not know; the ends of a range link it to what was read before. */
  async #readDeep(path: readonly HeadBlock[], below: bigint, signal: AbortSignal): Promise<LogBatch> {
    const { span } = this.#options
    const from = this.next
    const end = from + BigInt(span.size) - 1n
    const to = end < below ? end : below - 1n
    const { first, last, logs } = await this.#ofRange(from, to, signal)
    if (!first || !last) throw this.#elsewhere()
    const before = this.#trail.newest
    if (before?.number === from - 1n && before.hash !== first.parentHash) {
      if (await this.#isCanonical(before, path)) throw this.#elsewhere()
      return this.#withdraw(path)
    }
    const isContradicted = (event: LogEvent) =>
      [first, last].some((block) => event.blockNumber === block.number && !isOf(event, block))
    if (onPath(last, path) === false || logs.some(isContradicted)) throw this.#elsewhere()
    const blocks = new Map<string, BlockPoint>()
    for (const { blockNumber, blockHash } of logs) {
      blocks.set(blockHash, { number: blockNumber, hash: blockHash })
    }
    blocks.set(last.hash, last)
    return this.#told([...blocks.values()], logs)
  }

  #ofRange(from: bigint, to: bigint, signal: AbortSignal): Promise<RangeAnswer> {
    this.#rangeAsked = Number(to - from) + 1
    return this.#options.reader.ofRange(from, to, signal)
  }

  #told(blocks: readonly BlockPoint[], logs: readonly LogEvent[]): LogBatch {
    this.#options.span.accepted()
    this.#joined = true
    this.#trail.tell(blocks, logs)
    return { kind: 'logs', logs, cursor: this.#trail.cursor() }
  }

  async #withdraw(path: readonly HeadBlock[]): Promise<LogBatch> {
    const { metrics, chain } = this.#options
    const recorded = this.#trail.newest?.hash ?? 'none'
    let ancestor: BlockPoint | undefined
    for (const point of this.#trail.points) {
      if (!(await this.#isCanonical(point, path))) continue
      ancestor = point
      break
    }
    const logs = this.#trail.withdrawTo(ancestor)
    if (!logs) {
      const found = path.at(-1)?.hash ?? 'none'
      throw new BursarError('chain_replaced', { name: chain.name, recorded, found }, { chain: chain.id })
    }
    metrics.count('rpc_logs_withdrawn', { chain: chain.id }, logs.length)
    return { kind: 'removed', above: this.next - 1n, logs, cursor: this.#trail.cursor() }
  }

  async #isCanonical(point: BlockPoint, path: readonly HeadBlock[]): Promise<boolean> {
    const known = onPath(point, path)
    if (known !== undefined) return known
    const there = await this.#options.blocks.byNumber(point.number)
    if (!there) throw this.#elsewhere()
    return there.hash === point.hash
  }

  /** The node that answered is not, or no longer, where the chain of heads is: to be asked again. */
  #elsewhere(): BursarError {
    return garbage(this.#options.host, 'it is behind, or on another branch')
  }
}

/** Whether a block is on the path; undefined when it is below what the path can tell. */
function onPath(point: BlockPoint, path: readonly HeadBlock[]): boolean | undefined {
  const [oldest] = path
  if (!oldest || point.number < oldest.number - 1n) return undefined
  if (point.number === oldest.number - 1n) return point.hash === oldest.parentHash
  return path[Number(point.number - oldest.number)]?.hash === point.hash
}
