import type { Logger } from '../primitives/logger.ts'
import type { HeadBlock } from './live/blocks.ts'
import type { HeadEvent } from './live/headChanges.ts'
import type { Effort, LiveChain } from './live/liveChain.ts'

/** The end of the chain has moved. */
export interface HeadNotice {
  /** The newest block now. After a reorganisation first the ancestor, then each block above it. */
  readonly block: HeadBlock
  /** The `depth` blocks above `ancestor` are no longer on the chain. */
  readonly reorg?: { readonly depth: number; readonly ancestor: HeadBlock }
  /** Nothing that is remembered links `block` to the one told before: whatever was known has to be looked at again. */
  readonly lostThread?: true
}

export type HeadListener = (notice: HeadNotice) => void

export interface HeadFeedOptions {
  readonly live: LiveChain
  /** Whether heads can be pushed at all. */
  readonly hasSocket: boolean
  /** Told of each new end of the chain, whoever it was followed for, and whether it is linked to the one before. */
  readonly onMoved: (block: HeadBlock, linked: boolean) => void
  readonly logger: Logger
  /** A chain that was not used for so long is no longer followed: providers bill what they push. */
  readonly idleMs: number
}

export const IDLE_MS = 300_000

/**
 * Follows the heads of one chain for those who want them, each at its price. While there are listeners the endpoints
 * are asked when nothing is pushed. While the chain is merely in use heads are taken as far as a socket pushes them,
 * and no request is made but one for every fifty blocks, which finds out a socket that invents them: without a socket
 * what is shown grows old by its own terms.
 */
export class HeadFeed {
  readonly #options: HeadFeedOptions
  readonly #listeners = new Set<HeadListener>()
  #watched: AbortController | undefined
  #attended: AbortController | undefined
  #idle: NodeJS.Timeout | undefined
  #movedTo: string | undefined
  /** The block that nothing links to what was told, while it is on its way. */
  #unlinked: string | undefined
  #closed = false

  constructor(options: HeadFeedOptions) {
    this.#options = options
  }

  /** The chain is in use: heads are wanted if they cost nothing. */
  used(): void {
    if (!this.#options.hasSocket || this.#closed) return
    if (this.#idle) return void this.#idle.refresh()
    const watched = new AbortController()
    this.#watched = watched
    this.#idle = setTimeout(() => this.#rest(), this.#options.idleMs).unref()
    this.#follow('push', () => undefined, watched.signal)
  }

  /** Tells of each new head in order, none twice, until the returned function is called. */
  onHead(listener: HeadListener): () => void {
    this.#listeners.add(listener)
    if (!this.#attended && !this.#closed) {
      this.#attended = new AbortController()
      this.#follow('poll', (event) => this.#tell(event), this.#attended.signal)
    }
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      this.#attended?.abort()
      this.#attended = undefined
    }
  }

  close(): void {
    this.#closed = true
    this.#rest()
    this.#attended?.abort()
    this.#listeners.clear()
  }

  #rest(): void {
    clearTimeout(this.#idle)
    this.#idle = undefined
    this.#watched?.abort()
  }

  #follow(effort: Effort, take: (event: HeadEvent) => void, signal: AbortSignal): void {
    const { live, logger } = this.#options
    const run = async () => {
      for await (const event of live.heads(signal, effort)) {
        this.#moved(endOf(event), event.kind !== 'gap')
        take(event)
      }
    }
    run().catch((error: unknown) => logger.error('heads are no longer told', { cause: String(error) }))
  }

  /** Two who follow hear of the same block; it moves the chain once. */
  #moved(block: HeadBlock, linked: boolean): void {
    if (block.hash === this.#movedTo) return
    this.#movedTo = block.hash
    this.#options.onMoved(block, linked)
  }

  #tell(event: HeadEvent): void {
    if (event.kind === 'gap') {
      this.#unlinked = event.next.hash
      return
    }
    const block = endOf(event)
    const lost = this.#unlinked === block.hash ? { lostThread: true as const } : {}
    const reorg = event.kind === 'reorg' ? { reorg: { depth: event.depth, ancestor: event.ancestor } } : {}
    this.#unlinked = undefined
    for (const listener of [...this.#listeners]) {
      try {
        listener({ block, ...reorg, ...lost })
      } catch (error) {
        // One who fails keeps nothing from the others.
        this.#options.logger.error('a listener of heads failed', { cause: String(error) })
      }
    }
  }
}

function endOf(event: HeadEvent): HeadBlock {
  if (event.kind === 'head') return event.block
  return event.kind === 'reorg' ? event.ancestor : event.next
}
