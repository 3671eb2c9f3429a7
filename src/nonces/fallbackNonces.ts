import { BursarError, isBursarError } from '../errors/bursarError.ts'
import { type Clock, monotonicClock } from '../primitives/clock.ts'
import type { Logger } from '../primitives/logger.ts'
import type { Metrics } from '../primitives/metrics.ts'
import type { NonceClaim, NonceStore } from './nonceStore.ts'

export interface FallbackOptions {
  /** By way of Redis. */
  readonly shared: NonceStore
  /** The fence itself. */
  readonly journal: NonceStore
  /** What happens without Redis: the journal gives nonces out, or nobody does. */
  readonly without: 'journal' | 'refuse'
  readonly logger: Logger
  readonly metrics: Metrics
  readonly clock?: Clock
}

/** Redis is not asked for this long after it has failed: a burst must not wait for it once a payment. */
const RESPITE_MS = 500
/** From then on the journal gives the step its nonce, which nobody can take from it. */
const REFUSALS = 2

/**
 * Redis while it serves, the journal while it does not. Processes of which one sees Redis and another does not may
 * give out one nonce at a time; the journal's fence refuses the second to sign, and that one gets another.
 */
export class FallbackNonces implements NonceStore {
  readonly #options: FallbackOptions
  readonly #clock: Clock
  readonly #refusals = new Map<string, number>()
  #lost: { readonly reason: string; until: number } | undefined

  constructor(options: FallbackOptions) {
    this.#options = options
    this.#clock = options.clock ?? monotonicClock
  }

  async ready(chain: string): Promise<void> {
    if (this.#options.without === 'journal') return
    const lost = this.#lost
    if (lost && this.#clock.now() < lost.until) throw this.#unavailable(chain, lost.reason)
    try {
      await this.#options.shared.ready(chain)
      this.#back()
    } catch (error) {
      throw this.#unavailable(chain, this.#fail(error))
    }
  }

  /** Throws `nonces_unavailable` when Redis does not serve and nobody else may, and what the journal throws. */
  async reserve(step: NonceClaim, floor: bigint): Promise<bigint> {
    if ((this.#refusals.get(step.id) ?? 0) >= REFUSALS) return this.#options.journal.reserve(step, floor)
    const lost = this.#lost
    if (lost && this.#clock.now() < lost.until) return this.#without(step, floor, lost.reason)
    try {
      const nonce = await this.#options.shared.reserve(step, floor)
      this.#back()
      return nonce
    } catch (error) {
      if (isBursarError(error)) throw error
      return this.#without(step, floor, this.#fail(error))
    }
  }

  async recorded(step: NonceClaim, nonce: bigint): Promise<void> {
    this.#refusals.delete(step.id)
    await this.#options.shared.recorded(step, nonce)
  }

  async refused(step: NonceClaim, nonce: bigint): Promise<void> {
    this.#refusals.set(step.id, (this.#refusals.get(step.id) ?? 0) + 1)
    await this.#options.shared.refused(step, nonce).catch((error: unknown) => void this.#fail(error))
  }

  async release(step: NonceClaim): Promise<void> {
    this.#refusals.delete(step.id)
    await this.#options.journal.release(step)
    // Without it the reservation runs out by itself.
    await this.#options.shared.release(step).catch((error: unknown) => void this.#fail(error))
  }

  #without(step: NonceClaim, floor: bigint, reason: string): Promise<bigint> {
    const { journal, metrics, without } = this.#options
    metrics.count('nonce_fallback', { chain: step.chain, without })
    if (without === 'journal') return journal.reserve(step, floor)
    return Promise.reject(this.#unavailable(step.chain, reason))
  }

  #unavailable(chain: string, reason: string): BursarError {
    return new BursarError('nonces_unavailable', { reason }, { chain })
  }

  /** Notes that Redis does not serve; answers why, in words that may be shown. */
  #fail(error: unknown): string {
    const reason = error instanceof Error ? error.message : 'unknown failure'
    if (!this.#lost) {
      const then = this.#options.without === 'journal' ? 'the journal gives them out' : 'none are given out'
      this.#options.logger.warn(`redis does not serve nonces; ${then}`, { reason })
    }
    this.#lost = { reason, until: this.#clock.now() + RESPITE_MS }
    return reason
  }

  #back(): void {
    if (!this.#lost) return
    this.#lost = undefined
    this.#options.logger.info('redis serves nonces again')
  }
}
