import { isBursarError } from '../../errors/bursarError.ts'
import type { Logger } from '../../primitives/logger.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import type { RpcOutcome } from '../transport.ts'
import type { NoticeSource } from './socketConduct.ts'

export interface SubscriptionListener {
  /** Throws what is wrong with a notice, which counts against the connection that it came over. */
  notice(result: unknown, source: NoticeSource): void
  /** It has become active, or is no longer. */
  changed(): void
}

export interface Subscription {
  readonly params: readonly unknown[]
  readonly listener: SubscriptionListener
  /** Whether notices come now. */
  readonly active: boolean
}

interface Entry extends Subscription {
  active: boolean
  /** The name that the server of the present connection gave it. */
  server: string | undefined
}

/** What is wanted of a socket, over all its connections, and what the present one calls it. */
export class Subscriptions {
  readonly #logger: Logger
  readonly #chain: string
  readonly #wanted = new Set<Entry>()
  readonly #byServer = new Map<string, Entry>()

  constructor(logger: Logger, chain: string) {
    this.#logger = logger
    this.#chain = chain
  }

  add(params: readonly unknown[], listener: SubscriptionListener): Subscription {
    const entry: Entry = { params, listener, active: false, server: undefined }
    this.#wanted.add(entry)
    return entry
  }

  /** Forgets it, and says how the server knows it. */
  remove(subscription: Subscription): string | undefined {
    const entry = this.#entryOf(subscription)
    if (!entry) return undefined
    this.#wanted.delete(entry)
    entry.active = false
    if (entry.server !== undefined) this.#byServer.delete(entry.server)
    return entry.server
  }

  all(): readonly Subscription[] {
    return [...this.#wanted]
  }

  /**
   * The answer to eth_subscribe. One that is refused stays wanted: another endpoint may take it. Returns the
   * server's name of one that nobody wants any more.
   */
  answered(subscription: Subscription, outcome: RpcOutcome, host: string): string | undefined {
    if (!outcome.ok || typeof outcome.result !== 'string') {
      const said = outcome.ok ? undefined : untrusted(outcome.error.message)
      const what = subscription.params[0]
      this.#logger.warn('subscription refused', { chain: this.#chain, host, what, said })
      return undefined
    }
    const entry = this.#entryOf(subscription)
    if (!entry) return outcome.result
    entry.server = outcome.result
    entry.active = true
    this.#byServer.set(outcome.result, entry)
    entry.listener.changed()
    return undefined
  }

  deliver(server: string, result: unknown, source: NoticeSource): void {
    try {
      this.#byServer.get(server)?.listener.notice(result, source)
    } catch (error) {
      if (!isBursarError(error)) throw error
      source.fault('malformed', error.message)
    }
  }

  /** The connection is gone, and its names with it. */
  lost(): void {
    this.#byServer.clear()
    for (const entry of this.#wanted) {
      entry.server = undefined
      if (!entry.active) continue
      entry.active = false
      entry.listener.changed()
    }
  }

  #entryOf(subscription: Subscription): Entry | undefined {
    return this.#wanted.has(subscription as Entry) ? (subscription as Entry) : undefined
  }
}
