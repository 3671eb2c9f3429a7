import type { ChainDirectory, HeadWatch } from '../chains/adapter.ts'
import type { Logger } from '../primitives/logger.ts'

interface Listening {
  /** Undefined while it begins, and where nothing is pushed. */
  watch: HeadWatch | undefined
}

/**
 * Listens to the chains on which something is under way, where their heads are pushed. A head is a hint that there is
 * something to look at, and proof of nothing.
 */
export class HeadWatches {
  readonly #directory: Pick<ChainDirectory, 'watch'>
  readonly #moved: (chain: string) => void
  readonly #logger: Logger
  readonly #watches = new Map<string, Listening>()

  constructor(directory: Pick<ChainDirectory, 'watch'>, moved: (chain: string) => void, logger: Logger) {
    this.#directory = directory
    this.#moved = moved
    this.#logger = logger
  }

  /** From now on listens to exactly these chains. */
  keepTo(chains: ReadonlySet<string>): void {
    for (const [chain, { watch }] of this.#watches) {
      if (chains.has(chain)) continue
      watch?.stop()
      this.#watches.delete(chain)
    }
    for (const chain of chains) if (!this.#watches.has(chain)) void this.#begin(chain)
  }

  /** Whether every new head of the chain is told. */
  pushed(chain: string): boolean {
    return this.#watches.get(chain)?.watch?.pushed() === true
  }

  async #begin(chain: string): Promise<void> {
    const listening: Listening = { watch: undefined }
    this.#watches.set(chain, listening)
    const wanted = () => this.#watches.get(chain) === listening
    try {
      listening.watch = await this.#directory.watch(chain, () => this.#moved(chain))
      if (!wanted()) listening.watch?.stop()
    } catch (error) {
      // A chain that cannot be opened yet is listened to later; looking at it goes on at its own pace.
      if (wanted()) this.#watches.delete(chain)
      this.#logger.warn('heads are not told', { chain, cause: String(error) })
    }
  }
}
