import type { ChainAdapter } from '../chains/adapter.ts'
import { unattended } from '../primitives/abort.ts'
import type { ChainIdentities } from '../store/chainIdentities.ts'

/**
 * Lets nothing be prepared or followed on a chain that is not the one that the journal knows by its id. Nonces and
 * hashes of another chain would be taken for proof.
 */
export class ChainGuard {
  readonly #identities: ChainIdentities
  readonly #confirmed = new Map<string, Promise<void>>()

  constructor(identities: ChainIdentities) {
    this.#identities = identities
  }

  /** Asks the chain once per process. Throws `chain_replaced`. */
  require(adapter: ChainAdapter): Promise<void> {
    const { id } = adapter.chain
    const known = this.#confirmed.get(id)
    if (known) return known
    const confirming = this.#confirm(adapter)
    this.#confirmed.set(id, confirming)
    confirming.catch(() => this.#confirmed.delete(id))
    return confirming
  }

  async #confirm(adapter: ChainAdapter): Promise<void> {
    // Nobody's request: others wait for the same answer. The transport bounds the time.
    await this.#identities.confirm(adapter.chain, await adapter.genesis(unattended()))
  }
}
