import { setMaxListeners } from 'node:events'
import type { Chain } from '../../chains/types.ts'
import type { Clock } from '../../primitives/clock.ts'
import type { Logger } from '../../primitives/logger.ts'
import type { Metrics } from '../../primitives/metrics.ts'
import type { ChainClient } from '../chainClient.ts'
import type { ChainIdentity } from '../guards.ts'
import { BlockReader } from './blockReader.ts'
import type { HeadBlock } from './blocks.ts'
import { blockAt, type Finality } from './finality.ts'
import type { HeadEvent } from './headChanges.ts'
import { type HeadTiming, HeadTracker, headTiming } from './headTracker.ts'
import type { LogFilter } from './logEvents.ts'
import { LogReader } from './logReader.ts'
import { type LogStart, LogStream, type LogTiming, logTiming } from './logStream.ts'
import type { LogBatch } from './logWalk.ts'
import { pendingHashes } from './pendingStream.ts'
import { SocketConnection, type SocketReport, type SocketTiming, socketTiming } from './socketConnection.ts'
import type { SocketEndpoint } from './socketLine.ts'

export interface LiveChainOptions {
  readonly chain: Chain
  readonly identity: ChainIdentity
  /** Reads as the chain is now, past every cache. */
  readonly client: ChainClient
  /** In order of preference; without one everything is polled. */
  readonly sockets: readonly SocketEndpoint[]
  readonly clock: Clock
  readonly metrics: Metrics
  readonly logger: Logger
  readonly heads?: HeadTiming
  readonly logs?: LogTiming
  readonly socket?: SocketTiming
}

/**
 * What a listener is worth. `poll`: while nothing is pushed the endpoints are asked. `push`: no request is made for
 * it beyond what a pushed head leads to; without a socket it hears nothing by itself.
 */
export type Effort = 'poll' | 'push'

/** How the newest block is known now: pushed, asked for, or not at all because nobody listens. */
export type Following = 'socket' | 'polling' | 'idle'

/**
 * What happens on one chain, as it happens. Each iteration ends when its signal aborts; none misses or doubles
 * anything (pending hashes excepted) however connections come and go. Work is done only while somebody listens.
 */
export interface LiveChain {
  /** Each new block once and in order, from the newest one on, and reorganisations between them. */
  heads(signal: AbortSignal, effort?: Effort): AsyncIterable<HeadEvent>
  /** The events of a filter from a block, from now or from where an earlier reader stood. */
  logs(filter: LogFilter, start: LogStart, signal: AbortSignal): AsyncIterable<LogBatch>
  /** Hashes of waiting transactions, without promise of completeness. */
  pending(signal: AbortSignal): AsyncIterable<string>
  /** The newest block of that finality; `latest` costs no call while it is followed. */
  block(finality: Finality, signal: AbortSignal): Promise<HeadBlock>
  following(): Following
  /** Of the socket while somebody listens. */
  report(): SocketReport | undefined
  /** Ends every iteration. */
  close(): Promise<void>
}

interface Session {
  readonly tracker: HeadTracker
  readonly reader: BlockReader
  readonly socket: SocketConnection | undefined
  readonly end: AbortController
}

export function liveChain(options: LiveChainOptions): LiveChain {
  const { chain, client, metrics, logger, heads = headTiming(chain) } = options
  const closing = new AbortController()
  // Every iteration listens to it.
  setMaxListeners(0, closing.signal)
  let session: Session | undefined
  let listeners = 0
  let pollers = 0

  /** Runs an iteration inside a session, which begins with the first listener and ends with the last. */
  async function* listening<T>(
    signal: AbortSignal,
    effort: Effort,
    source: (session: Session, signal: AbortSignal) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, void> {
    if (signal.aborted || closing.signal.aborted) return
    const leaving = new AbortController()
    const leave = () => leaving.abort()
    signal.addEventListener('abort', leave)
    closing.signal.addEventListener('abort', leave)
    listeners += 1
    if (effort === 'poll') pollers += 1
    if (!session) session = openSession(options, heads, () => pollers > 0)
    // The first who is worth a request: what was pushed so far may be old.
    else if (effort === 'poll' && pollers === 1) session.tracker.look()
    try {
      yield* source(session, leaving.signal)
    } finally {
      leave()
      signal.removeEventListener('abort', leave)
      closing.signal.removeEventListener('abort', leave)
      listeners -= 1
      if (effort === 'poll') pollers -= 1
      if (listeners === 0) await endSession()
    }
  }

  async function endSession(): Promise<void> {
    const ending = session
    session = undefined
    ending?.end.abort()
    await ending?.socket?.close()
  }

  return {
    heads: (signal, effort = 'poll') =>
      listening(signal, effort, ({ tracker }, until) => tracker.events(until)),
    logs(filter, start, signal) {
      return listening(signal, 'poll', ({ tracker, reader: blocks, socket }, until) => {
        const reader = new LogReader(client, filter, socket)
        const parts = { chain, host: client.host, tracker, blocks, reader, socket, filter, metrics, logger }
        return new LogStream({ ...parts, timing: options.logs ?? logTiming }).batches(start, until)
      })
    },
    pending: (signal) =>
      listening(signal, 'poll', ({ socket }, until) =>
        pendingHashes({ client, socket, pollMs: heads.pollMs, metrics }, until),
      ),
    block(finality, signal) {
      const isFollowed = finality === 'latest' && session?.tracker.following !== 'idle'
      const newest = isFollowed ? session?.tracker.newest : undefined
      return newest ? Promise.resolve(newest) : blockAt(finality, chain, client, signal)
    },
    following: () => session?.tracker.following ?? 'idle',
    report: () => session?.socket?.report(),
    async close() {
      closing.abort()
      await endSession()
    },
  }
}

function openSession(options: LiveChainOptions, timing: HeadTiming, polls: () => boolean): Session {
  const { chain, identity, client, sockets, clock, metrics, logger } = options
  const socket =
    sockets.length === 0
      ? undefined
      : new SocketConnection({
          chain: chain.id,
          identity,
          endpoints: sockets,
          timing: options.socket ?? socketTiming,
          clock,
          metrics,
          logger,
        })
  const reader = new BlockReader(client, socket)
  const tracker = new HeadTracker({ chain, reader, socket, timing, polls, metrics, logger })
  const end = new AbortController()
  tracker.run(end.signal).catch((error: unknown) => {
    logger.error('heads are no longer followed', { chain: chain.id, cause: String(error) })
  })
  socket?.start()
  return { tracker, reader, socket, end }
}
