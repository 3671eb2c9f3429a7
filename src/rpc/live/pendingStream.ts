import type { Metrics } from '../../primitives/metrics.ts'
import type { ChainClient } from '../chainClient.ts'
import { Bell } from './bell.ts'
import { RecentSet } from './recentSet.ts'
import type { SocketConnection } from './socketConnection.ts'

export interface PendingStreamOptions {
  readonly client: ChainClient
  readonly socket: SocketConnection | undefined
  readonly pollMs: number
  readonly metrics: Metrics
  readonly bounds?: PendingBounds
}

export interface PendingBounds {
  /** Hashes that are told once only. */
  readonly remembered: number
  /** Hashes that wait for a slow listener; the oldest give way. */
  readonly waiting: number
}

const BOUNDS: PendingBounds = { remembered: 50_000, waiting: 10_000 }

/**
 * Hashes of transactions that wait to be included, as the endpoint hears of them; while the socket is down, those of
 * its pending block. A hint and no more: which ones are told, and whether all, is the endpoint's choice, and what a
 * slow listener has not taken is given up.
 */
export async function* pendingHashes(
  options: PendingStreamOptions,
  signal: AbortSignal,
): AsyncGenerator<string, void, void> {
  const { client, socket, pollMs, metrics, bounds = BOUNDS } = options
  const bell = new Bell()
  const inbox = new Inbox(bounds, (count) =>
    metrics.count('rpc_pending_given_up', { chain: client.chain }, count),
  )
  const hear = (hash: unknown) => {
    inbox.put(hash)
    bell.ring()
  }
  const listener = { notice: hear, changed: bell.ring }
  const pushes = socket?.subscribe(['newPendingTransactions'], listener, signal)

  const more = async () => {
    if (!pushes?.active) for (const hash of await pendingBlock(client, signal)) inbox.put(hash)
    if (inbox.isEmpty) await bell.heard(pushes?.active ? Number.POSITIVE_INFINITY : pollMs, signal)
  }

  for (; !signal.aborted; await more()) {
    for (let hash = inbox.take(); hash !== undefined; hash = inbox.take()) {
      yield hash
      if (signal.aborted) return
    }
  }
}

/** Hashes on their way to one listener, each once. */
class Inbox {
  readonly #bounds: PendingBounds
  readonly #givenUp: (count: number) => void
  readonly #told: RecentSet
  /** A set, because it gives its oldest for nothing. */
  readonly #waiting = new Set<string>()

  constructor(bounds: PendingBounds, givenUp: (count: number) => void) {
    this.#bounds = bounds
    this.#givenUp = givenUp
    this.#told = new RecentSet(bounds.remembered)
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0
  }

  put(value: unknown): void {
    if (typeof value !== 'string' || !/^0x[0-9a-f]{64}$/i.test(value)) return
    const hash = value.toLowerCase()
    if (!this.#told.add(hash)) return
    this.#waiting.add(hash)
    if (this.#waiting.size <= this.#bounds.waiting) return
    this.take()
    this.#givenUp(1)
  }

  /** The one that has waited longest. */
  take(): string | undefined {
    const first = this.#waiting.values().next()
    if (first.done) return undefined
    this.#waiting.delete(first.value)
    return first.value
  }
}

async function pendingBlock(client: ChainClient, signal: AbortSignal): Promise<readonly unknown[]> {
  try {
    const block = await client.call('eth_getBlockByNumber', ['pending', false], signal)
    const { transactions } = (block ?? {}) as { transactions?: unknown }
    return Array.isArray(transactions) ? transactions : []
  } catch {
    // Nothing is promised; the next look may succeed.
    return []
  }
}
