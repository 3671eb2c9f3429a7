import { setMaxListeners } from 'node:events'
import type { ServerResponse } from 'node:http'
import { BursarError } from '../../errors/bursarError.ts'
import { withDeadline } from '../../primitives/abort.ts'

export interface ExchangeLimits {
  /** Requests that are served at once. */
  readonly atOnce: number
  /** Of those, by one token: one that waits for much leaves room for the others. */
  readonly perToken: number
}

/** How the sides of a request hear that it shall end. */
export interface Ending {
  /** Aborts the exchange: its client has vanished, or must not be told any more. */
  readonly gone: AbortSignal
  /** Aborts the call alone, so that its client is still told how things stand: the server stops. */
  readonly stopping: AbortSignal
}

interface Exchange {
  readonly tokenId: string
  readonly gone: AbortController
  readonly stopping: AbortController
}

/** The requests that are under way, from the one that was let in to the last byte of its answer. */
export class Exchanges {
  readonly #limits: ExchangeLimits
  readonly #open = new Set<Exchange>()
  #stopping = false
  #whenIdle: (() => void)[] = []

  constructor(limits: ExchangeLimits) {
    this.#limits = limits
  }

  /** Lets a request in until its answer is out. Throws `server_busy`. */
  begin(tokenId: string, outgoing: ServerResponse): Ending {
    if (this.#stopping) throw busy(STOPPING)
    if (this.#open.size >= this.#limits.atOnce) throw busy('as many as are served at once are under way')
    const own = [...this.#open].filter((one) => one.tokenId === tokenId).length
    if (own >= this.#limits.perToken) throw busy(`this token has ${own} requests under way already`)
    const exchange = { tokenId, gone: new AbortController(), stopping: new AbortController() }
    const ending = { gone: exchange.gone.signal, stopping: exchange.stopping.signal }
    for (const signal of [ending.gone, ending.stopping]) setMaxListeners(0, signal)
    // Who vanished while the token was looked up: nothing would tell of that any more, and the room would never be free.
    if (outgoing.closed) {
      exchange.gone.abort()
      return ending
    }
    this.#open.add(exchange)
    outgoing.once('close', () => {
      if (!outgoing.writableFinished) exchange.gone.abort()
      this.#end(exchange)
    })
    return ending
  }

  get tokenIds(): ReadonlySet<string> {
    return new Set([...this.#open].map(({ tokenId }) => tokenId))
  }

  /** Ends what a token has under way; operations that were begun go on. */
  abort(tokenId: string): void {
    for (const exchange of this.#open) if (exchange.tokenId === tokenId) exchange.gone.abort()
  }

  /** Lets nobody in any more, gives those that are in `graceMs` to end, as long again to answer, and ends the others. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true
    await this.#idle(graceMs)
    for (const { stopping } of this.#open) stopping.abort(busy(STOPPING))
    await this.#idle(graceMs)
    for (const { gone } of this.#open) gone.abort()
  }

  async #idle(ms: number): Promise<void> {
    if (this.#open.size === 0) return
    const idle = new Promise<void>((resolve) => this.#whenIdle.push(resolve))
    await withDeadline(ms, new AbortController().signal, (limited) => {
      return Promise.race([
        idle,
        new Promise<void>((resolve) => limited.addEventListener('abort', () => resolve())),
      ])
    })
  }

  #end(exchange: Exchange): void {
    this.#open.delete(exchange)
    if (this.#open.size > 0) return
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

const STOPPING = 'the server is stopping'

function busy(reason: string): BursarError<'server_busy'> {
  return new BursarError('server_busy', { reason })
}
