import type { Chain } from '../../chains/types.ts'
import { isBursarError } from '../../errors/bursarError.ts'
import type { Logger } from '../../primitives/logger.ts'
import type { Metrics } from '../../primitives/metrics.ts'
import { Bell } from './bell.ts'
import type { BlockReader } from './blockReader.ts'
import { type HeadBlock, parseBlock } from './blocks.ts'
import { type BlockSource, HeadChain } from './headChain.ts'
import { changesBetween, type HeadEvent } from './headChanges.ts'
import { PushedHeads } from './pushedHeads.ts'
import type { NoticeSource } from './socketConduct.ts'
import type { SocketConnection } from './socketConnection.ts'

export interface HeadTrackerOptions {
  readonly chain: Chain
  readonly reader: BlockReader
  readonly socket: SocketConnection | undefined
  readonly timing: HeadTiming
  /** Whether somebody listens who is worth requests; without, blocks are known only as they are pushed. */
  readonly polls: () => boolean
  readonly metrics: Metrics
  readonly logger: Logger
}

export interface HeadTiming {
  /** Between looks at the newest block while nothing is pushed. */
  readonly pollMs: number
  /** The same while heads are pushed: a subscription may die without a word, and a node may be stuck. */
  readonly lookMs: number
}

/** Looks once a block, within what endpoints bear. */
export function headTiming({ blockTimeMs }: Chain): HeadTiming {
  const pollMs = Math.min(12_000, Math.max(1_000, blockTimeMs))
  return { pollMs, lookMs: Math.max(10_000, 3 * pollMs) }
}

/** Parents read when it begins, so that a reorganisation that comes right then has its ancestor. */
const LINEAGE = { min: 12, max: 32 }
/** A longer gap is not read. */
const FAR = 256n
/** Blocks that are taken at a socket's word before the endpoints are asked once, even if nobody is worth requests. */
const UNSEEN = 50n
/** Heads that cannot be joined to the chain this often in a row are begun again from. */
const MAX_FAILURES = 8

/**
 * The newest blocks of one chain: told by newHeads over the socket when there is one, else looked up. Everybody who
 * follows it compares what it has seen with what is there, so that a slow one costs no memory and misses nothing.
 */
export class HeadTracker {
  readonly #options: HeadTrackerOptions
  readonly #chain: HeadChain
  readonly #bell = new Bell()
  readonly #listeners = new Set<() => void>()
  #pushed: { readonly active: boolean } | undefined
  readonly #heads: PushedHeads
  /** The newest block when the endpoints were asked last, or the first that was pushed. */
  #asked: bigint | undefined
  /** A socket was dropped for heads that it invented, and some of them may be ours. */
  #distrusts = false
  #failures = 0
  #lookAt = 0
  /** When the last look began, whether or not it succeeded. */
  #triedAt = Number.NEGATIVE_INFINITY
  #lookedAt = Number.NEGATIVE_INFINITY
  /** Somebody waits for a look, whether or not it finds anything new. */
  #wanted = false

  constructor(options: HeadTrackerOptions) {
    this.#options = options
    this.#chain = new HeadChain(options.reader)
    this.#heads = new PushedHeads(options.chain.blockTimeMs)
  }

  /** The newest blocks, oldest first, each the parent of the next. Empty before the first look. */
  get path(): readonly HeadBlock[] {
    return this.#chain.path
  }

  get newest(): HeadBlock | undefined {
    return this.#chain.newest
  }

  /** How the newest block is known now. */
  get following(): 'socket' | 'polling' | 'idle' {
    if (this.#pushed?.active) return 'socket'
    return this.#options.polls() ? 'polling' : 'idle'
  }

  /** Looks at the newest block now, whatever has been pushed. */
  look(): void {
    this.#lookAt = 0
    this.#wanted = true
    this.#bell.ring()
  }

  /** When the last look began that succeeded, on the clock of performance.now(). */
  get lookedAt(): number {
    return this.#lookedAt
  }

  /** Calls `listener` whenever the path has changed or a look that was asked for is done, until the signal aborts. */
  listen(listener: () => void, signal: AbortSignal): void {
    this.#listeners.add(listener)
    signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true })
  }

  /** Each block once and in order, from the newest one on; ends when the signal aborts. */
  async *events(signal: AbortSignal): AsyncGenerator<HeadEvent, void, void> {
    const bell = new Bell()
    this.listen(bell.ring, signal)
    let seen: readonly HeadBlock[] = []
    while (!signal.aborted) {
      const { path } = this
      const events = changesBetween(seen, path)
      seen = path
      for (const event of events) {
        yield event
        if (signal.aborted) return
      }
      if (this.path === seen) await bell.heard(Number.POSITIVE_INFINITY, signal)
    }
  }

  /** Follows the chain until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { socket, polls } = this.#options
    this.#lookAt = polls() ? 0 : Number.POSITIVE_INFINITY
    const listener = {
      notice: (result: unknown, source: NoticeSource) => this.#hear(result, source),
      changed: () => {
        if (polls()) this.look()
      },
    }
    this.#pushed = socket?.subscribe(['newHeads'], listener, signal)
    while (!signal.aborted) {
      const now = performance.now()
      if (now >= this.#lookAt) {
        this.#lookAt = now + this.#interval()
        this.#triedAt = now
        const looked = await this.#tried(() => this.#lookInPool())
        if (looked) this.#seenAt(now)
        if (!looked || this.#heads.suspect) this.#retrySoon()
      }
      await this.#takeAnnounced()
      if (!this.#heads.waiting) await this.#bell.heard(this.#lookAt - performance.now(), signal)
    }
  }

  /** Milliseconds until the next look that nobody asked for. */
  #interval(): number {
    const { timing, polls } = this.#options
    if (!polls()) return Number.POSITIVE_INFINITY
    return this.#pushed?.active ? timing.lookMs : timing.pollMs
  }

  async #takeAnnounced(): Promise<void> {
    const announced = this.#heads.take()
    if (!announced) return
    const taken = await this.#tried(async () => {
      await this.#take(announced)
    })
    if (taken) return
    // One look instead of a read of the pool for each head that a socket may invent.
    this.#heads.ledNowhere(this.#options.timing.pollMs)
    this.#retrySoon()
  }

  /** Where the chain ends as the endpoints tell: the word of a socket counts for nothing here. */
  async #lookInPool(): Promise<void> {
    const { reader } = this.#options
    const { suspect } = this.#heads
    if (suspect !== undefined) this.#heads.answered(await reader.isInPool(suspect))
    const latest = await reader.latest()
    const { path, newest } = this
    const distrusted = this.#distrusts
    const believed = distrusted ? believedUpTo(latest, path) : undefined
    // Before anything is waited for: a socket that is dropped meanwhile calls for another look.
    this.#distrusts = false
    const joined = believed
      ? this.#tell(this.#chain.restart(believed), path)
      : this.#take(latest, (number) => reader.byNumberInPool(number))
    const events = await Promise.resolve(joined).catch((error: unknown) => {
      this.#distrusts ||= distrusted
      throw error
    })
    this.#asked = this.newest?.number
    const isRefuted = !distrusted && events.some(({ kind }) => kind !== 'head')
    if (isRefuted && newest && this.#heads.refuted(newest.hash)) this.#distrust()
  }

  #seenAt(now: number): void {
    this.#lookedAt = now
    if (!this.#wanted) return
    this.#wanted = false
    for (const listener of [...this.#listeners]) listener()
  }

  #retrySoon(): void {
    this.#lookAt = Math.min(this.#lookAt, performance.now() + this.#options.timing.pollMs)
  }

  /** Throws `provider_garbage` when it is no head. */
  #hear(result: unknown, source: NoticeSource): void {
    const block = parseBlock(result, source.host)
    const hearing = this.#heads.hear(block, source, this.newest)
    if (hearing === 'dropped') this.#distrust()
    if (hearing === 'ask') this.#lookBy(this.#triedAt + this.#options.timing.pollMs)
    if (hearing !== 'take') return
    this.#options.reader.hint(block)
    this.#asked ??= block.number
    if (block.number - this.#asked > UNSEEN) {
      this.#asked = block.number
      this.#lookBy(0)
    }
    this.#bell.ring()
  }

  #distrust(): void {
    this.#distrusts = true
    this.#lookBy(0)
  }

  #lookBy(at: number): void {
    if (at >= this.#lookAt) return
    this.#lookAt = at
    this.#bell.ring()
  }

  /** `byNumber` says what is on the chain, where it is not enough that whoever announced it does. */
  async #take(head: HeadBlock, byNumber?: BlockSource['byNumber']): Promise<readonly HeadEvent[]> {
    const { newest, path } = this.#chain
    if (!newest) return this.#begin(head)
    const missing = head.number - newest.number - 1n
    if (missing > 0n && missing < FAR)
      await this.#options.reader.readAhead(newest.number + 1n, head.number - 1n)
    return this.#tell(await this.#chain.advance(head, byNumber), path)
  }

  async #begin(head: HeadBlock): Promise<readonly HeadEvent[]> {
    const parents = this.#options.polls() ? await this.#parentsOf(head) : []
    const path = [head]
    for (const parent of [...parents].reverse()) {
      if (parent.hash !== path[0]?.parentHash) break
      path.unshift(parent)
    }
    const before = this.path
    return this.#tell(this.#chain.restart(path), before)
  }

  async #parentsOf({ number }: HeadBlock): Promise<readonly HeadBlock[]> {
    const lineage = BigInt(Math.min(LINEAGE.max, Math.max(LINEAGE.min, this.#options.chain.confirmations)))
    const from = number > lineage ? number - lineage : 0n
    return number === 0n ? [] : this.#options.reader.readAhead(from, number - 1n)
  }

  #tell(events: readonly HeadEvent[], before: readonly HeadBlock[]): readonly HeadEvent[] {
    if (this.path === before) return []
    const { metrics, logger, chain } = this.#options
    const labels = { chain: chain.id }
    for (const event of events) {
      if (event.kind === 'reorg') {
        metrics.count('rpc_reorgs', labels)
        metrics.observe('rpc_reorg_depth', labels, event.depth)
        const { depth, ancestor } = event
        logger.warn('reorg', { chain: chain.id, depth, ancestor: ancestor.number.toString() })
      } else if (event.kind === 'gap') {
        metrics.count('rpc_head_threads_lost', labels)
        logger.warn('lost the thread of heads', { chain: chain.id, last: event.last.number.toString() })
      }
    }
    const heads = events.filter(({ kind }) => kind === 'head').length
    if (heads > 1) metrics.count('rpc_gaps_filled', { ...labels, of: 'heads' }, heads - 1)
    if (this.newest) metrics.gauge('rpc_head', labels, Number(this.newest.number))
    for (const listener of [...this.#listeners]) listener()
    return events
  }

  /** Whether it worked. Failures of providers end with the next look; the same one over and over does not. */
  async #tried(work: () => Promise<void>): Promise<boolean> {
    try {
      await work()
      this.#failures = 0
      return true
    } catch (error) {
      const { logger, metrics, chain, reader } = this.#options
      metrics.count('rpc_head_failures', { chain: chain.id })
      logger.warn('the newest block is not known', { chain: chain.id, cause: String(error) })
      // Endpoints answer, and yet the parents of their head are not to be had.
      if (isBursarError(error, 'provider_garbage') && ++this.#failures >= MAX_FAILURES) {
        this.#failures = 0
        const before = this.path
        const head = await reader.latest().catch(() => undefined)
        if (head) this.#tell(this.#chain.restart([head]), before)
      }
      return false
    }
  }
}

/** What is left of a path when nothing above `latest` is believed; undefined when `latest` has to be joined to it. */
function believedUpTo(latest: HeadBlock, path: readonly HeadBlock[]): readonly HeadBlock[] | undefined {
  const at = path.findIndex(({ hash }) => hash === latest.hash)
  if (at >= 0) return path.slice(0, at + 1)
  const [oldest] = path
  return oldest && latest.number < oldest.number ? [latest] : undefined
}
