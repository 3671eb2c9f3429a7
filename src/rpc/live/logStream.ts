import { isBursarError } from '../../errors/bursarError.ts'
import { idle } from '../../primitives/abort.ts'
import type { Logger } from '../../primitives/logger.ts'
import { Backoff } from './backoff.ts'
import { Bell } from './bell.ts'
import type { HeadBlock } from './blocks.ts'
import type { HeadTracker } from './headTracker.ts'
import { blockOfNotice, type LogFilter } from './logEvents.ts'
import { type LogCursor, LogTrail } from './logTrail.ts'
import { type LogBatch, LogWalk, type LogWalkOptions } from './logWalk.ts'
import { RangeSpan } from './rangeSpan.ts'
import type { SocketConnection } from './socketConnection.ts'

/** A block number, `now` for what comes next, or where an earlier reader stood. */
export type LogStart = bigint | 'now' | LogCursor

export interface LogStreamOptions extends Omit<LogWalkOptions, 'span'> {
  readonly tracker: HeadTracker
  readonly socket: SocketConnection | undefined
  readonly filter: LogFilter
  readonly timing: LogTiming
  readonly logger: Logger
}

export interface LogTiming {
  /** While events are pushed, blocks of which nothing was pushed are read this late: a push may be lost. */
  readonly sweepMs: number
  readonly retry: { readonly minMs: number; readonly maxMs: number }
  /** Blocks of one eth_getLogs. */
  readonly maxSpan: number
}

export const logTiming: LogTiming = {
  sweepMs: 15_000,
  retry: { minMs: 200, maxMs: 10_000 },
  maxSpan: 2_000,
}

/** Refusals in a row of the smallest possible question, after which it is given up. */
const MAX_REFUSALS = 8

/**
 * The events of one filter, from a block on: none lost and none double over lost connections and reorganisations.
 * A push over the socket says only when to look. What there is, eth_getLogs tells, block by block along the chain of
 * heads: so a lost push costs time and never an event.
 */
export class LogStream {
  readonly #options: LogStreamOptions
  readonly #span: RangeSpan
  readonly #backoff: Backoff
  #pushes: { readonly active: boolean } | undefined
  /** The newest block that a push was about, while it has not been read. */
  #pushed: bigint | undefined
  /** There may be events that no push told of: the pushes have come or gone, or not everything was read. */
  #behind = true
  #changedAt = 0
  #wasDown = false
  #sweepAt = 0
  #refusals = 0

  constructor(options: LogStreamOptions) {
    this.#options = options
    this.#span = new RangeSpan(options.timing.maxSpan)
    this.#backoff = new Backoff(options.timing.retry)
  }

  /**
   * Batches until the signal aborts; to be called once. Throws `chain_replaced` when nothing of the cursor is on the
   * chain, and `rpc_refused` (or `answer_too_large`) when the events of a single block are not to be had.
   */
  async *batches(start: LogStart, signal: AbortSignal): AsyncGenerator<LogBatch, void, void> {
    const { tracker } = this.#options
    const bell = new Bell()
    tracker.listen(bell.ring, signal)
    this.#subscribe(bell, signal)
    let walk: LogWalk | undefined
    while (!signal.aborted) {
      const { path } = tracker
      walk ??= this.#walkFrom(start, path)
      const outcome = walk && (await this.#look(walk, path, signal))
      if (outcome && outcome !== 'again') yield outcome
      else if (!outcome && tracker.path === path) await bell.heard(this.#patience(path), signal)
    }
  }

  #walkFrom(start: LogStart, path: readonly HeadBlock[]): LogWalk | undefined {
    const trail = beginning(start, path)
    return trail && new LogWalk(trail, { ...this.#options, span: this.#span })
  }

  #subscribe(bell: Bell, signal: AbortSignal): void {
    const { socket, filter, tracker } = this.#options
    const listener = {
      notice: (result: unknown) => {
        const block = blockOfNotice(result)
        if (block !== undefined && block > (this.#pushed ?? -1n)) this.#pushed = block
        bell.ring()
      },
      changed: () => {
        this.#behind = true
        this.#changedAt = performance.now()
        if (this.#pushes?.active === false) this.#wasDown = true
        tracker.look()
        bell.ring()
      },
    }
    this.#pushes = socket?.subscribe(['logs', filter], listener, signal)
  }

  #isDue(walk: LogWalk, path: readonly HeadBlock[]): boolean {
    const head = path.at(-1)
    if (!head) return false
    if (this.#behind || !this.#pushes?.active || performance.now() >= this.#sweepAt) return true
    return (this.#pushed !== undefined && this.#pushed <= head.number) || walk.isAstray(path)
  }

  /** Milliseconds until something is due though nothing has been heard. */
  #patience(path: readonly HeadBlock[]): number {
    return path.length === 0 ? Number.POSITIVE_INFINITY : Math.max(1, this.#sweepAt - performance.now())
  }

  #caughtUp(path: readonly HeadBlock[]): void {
    const head = path.at(-1)
    // Until the newest block was looked up again, there may be others that were made before the pushes began.
    if (this.#options.tracker.lookedAt > this.#changedAt) {
      this.#behind = false
      this.#wasDown = false
    }
    if (head && this.#pushed !== undefined && this.#pushed <= head.number) this.#pushed = undefined
    this.#sweepAt = performance.now() + this.#options.timing.sweepMs
  }

  /** The next batch, if there is one now. */
  async #look(
    walk: LogWalk,
    path: readonly HeadBlock[],
    signal: AbortSignal,
  ): Promise<LogBatch | undefined | 'again'> {
    if (!this.#isDue(walk, path)) return undefined
    const { metrics, chain } = this.#options
    const from = walk.next
    this.#behind = true
    try {
      const batch = await walk.step(path, this.#refusals, signal)
      this.#backoff.reset()
      this.#refusals = 0
      const read = Number(walk.next - from)
      if (this.#wasDown && read > 0) metrics.count('rpc_gaps_filled', { chain: chain.id, of: 'logs' }, read)
      if (!batch) this.#caughtUp(path)
      return batch
    } catch (error) {
      if (!signal.aborted) await this.#failed(error, walk.rangeAsked, signal)
      return 'again'
    }
  }

  /** Waits as long as it takes for providers that fail; throws what no waiting helps against. */
  async #failed(error: unknown, range: number, signal: AbortSignal): Promise<void> {
    const { logger, metrics, chain } = this.#options
    if (!isBursarError(error) || error.code === 'chain_replaced') throw error
    metrics.count('rpc_log_failures', { chain: chain.id, code: error.code })
    const refused = error.code === 'rpc_refused' || error.code === 'answer_too_large'
    if (range > 1) {
      // One that is too large is refused in as many words as there are providers: a smaller one is tried at once.
      if (refused) return this.#span.refused(range)
      this.#span.failed()
    }
    if (refused && ++this.#refusals >= MAX_REFUSALS) throw error
    logger.warn('events cannot be read now', { chain: chain.id, cause: error.message })
    await idle(this.#backoff.next(), signal)
  }
}

function beginning(start: LogStart, path: readonly HeadBlock[]): LogTrail | undefined {
  if (typeof start === 'bigint') return LogTrail.beginningAt(start)
  if (typeof start === 'object') return LogTrail.resumedAt(start)
  const head = path.at(-1)
  return head && LogTrail.beginningAt(head.number + 1n)
}
