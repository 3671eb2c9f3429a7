import type { ChainDirectory, HeadWatch } from '../../chains/directory.ts'
import type { Logger } from '../../primitives/logger.ts'

/** A chain that could not be listened to is tried again after this long. */
const RETRY_MS = 10_000

interface Listening {
  /** Undefined while it begins, and where nothing is pushed. */
  watch: HeadWatch | undefined
  /** When it is to be tried again, by the monotonic clock. */
  retryAt: number
}

/**
 * Listens to the chains on which something is under way, where their heads are pushed. A head is a hint that there is
 * something to look at, and proof of nothing.
 */
export class HeadWatches {
  readonly #directory: Pick<ChainDirectory, 'watch'>
  readonly #moved: (chain: string) => void
  readonly #logger: Logger
  readonly #retryMs: number
  readonly #watches = new Map<string, Listening>()

  constructor(
    directory: Pick<ChainDirectory, 'watch'>,
    moved: (chain: string) => void,
    logger: Logger,
    retryMs = RETRY_MS,
  ) {
    this.#directory = directory
    this.#moved = moved
    this.#logger = logger
    this.#retryMs = retryMs
  }

  /** From now on listens to exactly these chains. */
  keepTo(chains: ReadonlySet<string>): void {
    for (const [chain, { watch }] of this.#watches) {
      if (chains.has(chain)) continue
      watch?.stop()
      this.#watches.delete(chain)
    }
    for (const chain of chains) {
      const listening = this.#watches.get(chain)
      if (!listening || performance.now() >= listening.retryAt) void this.#begin(chain)
    }
  }

  /** Whether every new head of the chain is told. */
  pushed(chain: string): boolean {
    return this.#watches.get(chain)?.watch?.pushed() === true
  }

  async #begin(chain: string): Promise<void> {
    const listening: Listening = { watch: undefined, retryAt: Number.POSITIVE_INFINITY }
    this.#watches.set(chain, listening)
    const wanted = () => this.#watches.get(chain) === listening
    try {
      listening.watch = await this.#directory.watch(chain, () => this.#moved(chain))
      if (!wanted()) listening.watch?.stop()
    } catch (error) {
      // A chain that cannot be opened yet is listened to later; looking at it goes on at its own pace.
      listening.retryAt = performance.now() + this.#retryMs
      this.#logger.warn('heads are not told', { chain, cause: String(error) })
    }
  }
}
