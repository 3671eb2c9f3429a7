import type { HeldNonce, Lane } from '../../primitives/lanes.ts'
import type { Logger } from '../../primitives/logger.ts'

/** A nonce that must be used before those that wait behind it, and that nothing of ours is going to use. */
export interface Gap extends Lane {
  readonly nonce: bigint
  /** Number of the newest block when it was found to last. */
  readonly head: string
}

export interface GapOptions {
  /** What the journal knows of a lane from a nonce on. */
  readonly held: (lane: Lane, from: bigint) => Promise<readonly HeldNonce[]>
  readonly heal: (gap: Gap) => Promise<void>
  readonly logger: Logger
}

interface Sight {
  readonly nonce: bigint
  readonly head: bigint
}

/**
 * Sees that transactions of an account wait behind a nonce that nobody uses (F7): it was freed, after later ones were
 * signed. The next payment takes it; where there is none within a block, it is filled with nothing.
 */
export class Gaps {
  readonly #options: GapOptions
  /** When each lane's gap was first seen. */
  readonly #seen = new Map<string, Sight>()
  readonly #healing = new Set<string>()

  constructor(options: GapOptions) {
    this.#options = options
  }

  /** `minedCount` is the nonce that the chain takes next, at `head`. To be asked where something waits behind it. */
  async look(lane: Lane, minedCount: bigint, head: string): Promise<void> {
    const name = `${lane.chain} ${lane.account}`
    const [first] = await this.#options.held(lane, minedCount)
    if (first === undefined || first.nonce === minedCount) {
      this.#seen.delete(name)
      return
    }
    const seen = this.#seen.get(name)
    if (seen?.nonce !== minedCount) {
      this.#seen.set(name, { nonce: minedCount, head: BigInt(head) })
    } else if (BigInt(head) > seen.head) await this.#heal(name, { ...lane, nonce: minedCount, head })
  }

  async #heal(name: string, gap: Gap): Promise<void> {
    if (this.#healing.has(name)) return
    this.#healing.add(name)
    const about = { chain: gap.chain, account: gap.account, nonce: gap.nonce.toString() }
    try {
      this.#options.logger.warn('a nonce that nothing uses holds up later payments; it is filled', about)
      await this.#options.heal(gap)
    } catch (error) {
      // Tried again at the next look: what waits behind it is not lost.
      this.#options.logger.warn('a nonce could not be filled', { ...about, cause: String(error) })
    } finally {
      this.#healing.delete(name)
    }
  }
}
