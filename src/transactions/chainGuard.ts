import type { ChainAdapter } from '../chains/adapter.ts'
import { unattended } from '../primitives/abort.ts'
import type { Clock } from '../primitives/clock.ts'
import type { ChainIdentities } from '../store/chainIdentities.ts'

const CONFIRMED_MS = 10_000

/**
 * Lets nothing be prepared or followed on a chain that is not the one that the journal knows by its id. Nonces and
 * hashes of another chain would be taken for proof.
 */
export class ChainGuard {
  readonly #identities: ChainIdentities
  readonly #clock: Clock
  readonly #confirmed = new Map<string, { readonly at: number; readonly done: Promise<void> }>()

  constructor(identities: ChainIdentities, clock: Clock) {
    this.#identities = identities
    this.#clock = clock
  }

  /** Asks the chain again after a while: a test chain may be started afresh under us. Throws `chain_replaced`. */
  require(adapter: ChainAdapter): Promise<void> {
    const { id } = adapter.chain
    const known = this.#confirmed.get(id)
    const now = this.#clock.now()
    if (known && Math.abs(now - known.at) < CONFIRMED_MS) return known.done
    const done = this.#confirm(adapter)
    this.#confirmed.set(id, { at: now, done })
    done.catch(() => this.#confirmed.delete(id))
    return done
  }

  async #confirm(adapter: ChainAdapter): Promise<void> {
    // Nobody's request: others wait for the same answer. The transport bounds the time.
    await this.#identities.confirm(adapter.chain, await adapter.genesis(unattended()))
  }
}
