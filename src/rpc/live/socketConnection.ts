import { setMaxListeners } from 'node:events'
import { BursarError, isBursarError } from '../../errors/bursarError.ts'
import { idle } from '../../primitives/abort.ts'
import type { Clock } from '../../primitives/clock.ts'
import type { Logger } from '../../primitives/logger.ts'
import type { Metrics } from '../../primitives/metrics.ts'
import { readsOnly } from '../guards.ts'
import type { RpcOutcome, RpcRequest, RpcTransport } from '../transport.ts'
import { Backoff } from './backoff.ts'
import { SocketConduct } from './socketConduct.ts'
import {
  type LineChain,
  NO_MESSAGE,
  openLine,
  placeOn,
  type SocketEndpoint,
  type SocketLine,
  verifyLine,
} from './socketLine.ts'
import { SocketUptime } from './socketUptime.ts'
import { wireHost } from './socketWire.ts'
import { type Subscription, type SubscriptionListener, Subscriptions } from './subscriptions.ts'

export interface SocketOptions extends LineChain {
  /** In order of preference; the next one is tried when one cannot be used. */
  readonly endpoints: readonly SocketEndpoint[]
  readonly timing: SocketTiming
  readonly clock: Clock
  readonly random?: () => number
  /** Waits between tries; tests watch it. */
  readonly delay?: (ms: number, signal: AbortSignal) => Promise<void>
  readonly metrics: Metrics
  readonly logger: Logger
}

export interface SocketTiming {
  /** Bound on a handshake, and on each call. */
  readonly timeoutMs: number
  /** A socket that was silent for so long must answer a call, within `heartbeatTimeoutMs`. */
  readonly heartbeatMs: number
  readonly heartbeatTimeoutMs: number
  readonly backoff: { readonly minMs: number; readonly maxMs: number }
}

export const socketTiming: SocketTiming = {
  timeoutMs: 10_000,
  heartbeatMs: 15_000,
  heartbeatTimeoutMs: 5_000,
  backoff: { minMs: 250, maxMs: 30_000 },
}

export interface SocketReport {
  readonly host: string
  readonly state: 'live' | 'down'
  /** Times that it was live again after it had been lost. */
  readonly reconnects: number
  /** Part of the time since it was first wanted in which it was live, from 0 to 1. */
  readonly uptime: number
  /** Why it was last lost or refused. */
  readonly reason?: string
}

/**
 * A JSON-RPC WebSocket that comes back: chain verified and subscriptions renewed after every connect, silence
 * answered by a heartbeat, waits between tries that grow. Reads only, as every transport that is not the broadcaster's.
 */
export class SocketConnection implements RpcTransport {
  readonly #options: SocketOptions
  readonly #subscriptions: Subscriptions
  readonly #reads: RpcTransport
  readonly #uptime: SocketUptime
  readonly #ended = new AbortController()
  #line: SocketLine | undefined
  #running: Promise<void> | undefined
  #endpoint = 0
  #heardAt = 0
  #reason: string | undefined

  constructor(options: SocketOptions) {
    if (options.endpoints.length === 0) throw new TypeError(`${options.chain} has no WebSocket endpoint`)
    this.#options = options
    // Every call under way listens to it.
    setMaxListeners(0, this.#ended.signal)
    this.#subscriptions = new Subscriptions(options.logger, options.chain)
    this.#uptime = new SocketUptime(options.clock, options.metrics, options.chain)
    this.#reads = readsOnly({
      host: 'a socket',
      send: (requests, signal) => this.#askAll(requests, signal),
      close: async () => undefined,
    })
  }

  /** Host and port of the endpoint in use, or of the one that is tried next. */
  get host(): string {
    return wireHost(this.#next().url)
  }

  get live(): boolean {
    return this.#line !== undefined
  }

  /** Keeps it connected until `close`. */
  start(): void {
    this.#running ??= this.#run(this.#ended.signal)
  }

  send(requests: readonly RpcRequest[], signal: AbortSignal): Promise<readonly RpcOutcome[]> {
    return this.#reads.send(requests, signal)
  }

  /**
   * Wants a subscription until the signal aborts, over every reconnect. Notices may be missing around one: whoever
   * needs all of what they tell looks for itself each time the subscription becomes active.
   */
  subscribe(
    params: readonly unknown[],
    listener: SubscriptionListener,
    signal: AbortSignal,
  ): Pick<Subscription, 'active'> {
    const subscription = this.#subscriptions.add(params, listener)
    const leave = () => {
      const server = this.#subscriptions.remove(subscription)
      if (server !== undefined && this.#line) void this.#unsubscribe(this.#line, server)
    }
    if (signal.aborted) leave()
    else {
      signal.addEventListener('abort', leave, { once: true })
      if (this.#line) void this.#activate(this.#line, subscription)
    }
    return subscription
  }

  report(): SocketReport {
    const reason = this.#reason === undefined ? {} : { reason: this.#reason }
    return { host: this.host, state: this.live ? 'live' : 'down', ...this.#uptime.report(), ...reason }
  }

  async close(): Promise<void> {
    this.#ended.abort(new BursarError('provider_unreachable', { host: this.host, reason: 'it was closed' }))
    await this.#running
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { timing, random, logger, chain, delay = idle } = this.#options
    const backoff = new Backoff({ ...timing.backoff, ...(random && { random }) })
    while (!signal.aborted) {
      const { host } = this
      const { metrics } = this.#options
      const conduct = new SocketConduct({ chain, host, metrics, logger })
      let liveSince: number | undefined
      try {
        const line = await this.#connect(conduct, signal)
        liveSince = performance.now()
        this.#reason = await this.#serve(line, signal)
        if (conduct.isDropped) this.#endpoint += 1
      } catch (error) {
        // What went wrong is told by report() and the log; the next try is all that can be done about it.
        this.#reason = isBursarError(error) ? error.message : String(error)
        this.#endpoint += 1
      }
      if (signal.aborted) return
      logger.warn('socket lost', { chain, host, reason: this.#reason, ...conduct.counts })
      // One that is taken away again at once must not be dialled at full speed; one that has served comes back soon,
      // however long the outage was before it. One that was dropped for what it said has not served.
      if (
        !conduct.isDropped &&
        liveSince !== undefined &&
        performance.now() - liveSince > 2 * timing.backoff.minMs
      ) {
        backoff.reset()
        this.#endpoint = 0
      }
      await delay(backoff.next(), signal)
    }
  }

  async #connect(conduct: SocketConduct, signal: AbortSignal): Promise<SocketLine> {
    const options = {
      ...this.#options,
      timeoutMs: this.#options.timing.timeoutMs,
      onHeard: () => {
        this.#heardAt = performance.now()
      },
      onNotice: (subscription: string, result: unknown) =>
        this.#subscriptions.deliver(subscription, result, conduct),
      onGarbage: () => conduct.broke(NO_MESSAGE),
    }
    const line = await openLine(this.#next(), options, signal)
    conduct.begins(line.wire.destroy)
    return line
  }

  /** Uses a line until it is lost, and says why it was. */
  async #serve(line: SocketLine, signal: AbortSignal): Promise<string> {
    const { host } = this
    let lost: string | undefined
    const closed = line.wire.closed.then((reason) => {
      lost ??= reason
    })
    this.#line = line
    this.#uptime.live(host)
    this.#options.logger.info('socket live', { chain: this.#options.chain, host })
    for (const subscription of this.#subscriptions.all()) void this.#activate(line, subscription)
    const beating = new AbortController()
    const leave = () => line.wire.destroy()
    signal.addEventListener('abort', leave)
    if (signal.aborted) leave()
    const beats = this.#heartbeat(line, beating.signal).catch((error: unknown) => {
      lost ??= isBursarError(error) ? error.message : String(error)
      line.wire.destroy()
    })
    await closed
    beating.abort()
    await beats
    signal.removeEventListener('abort', leave)
    this.#line = undefined
    this.#uptime.down()
    this.#subscriptions.lost()
    return lost ?? 'it was closed'
  }

  /** Returns when stopped; throws when the other side is silent, or no longer serves the chain. */
  async #heartbeat(line: SocketLine, stop: AbortSignal): Promise<void> {
    const { heartbeatMs, heartbeatTimeoutMs } = this.#options.timing
    while (!stop.aborted) {
      await idle(Math.max(1, this.#heardAt + heartbeatMs - performance.now()), stop)
      if (stop.aborted) return
      this.#uptime.tick()
      if (performance.now() - this.#heardAt >= heartbeatMs) {
        await placeOn(line, stop)
        await verifyLine(line, this.#options, heartbeatTimeoutMs, stop)
      }
    }
  }

  async #activate(line: SocketLine, subscription: Subscription): Promise<void> {
    try {
      await placeOn(line)
      const call = { method: 'eth_subscribe', params: subscription.params }
      const { timeoutMs } = this.#options.timing
      await line.calls.ask(call, line.wire.send, timeoutMs, this.#ended.signal, (outcome) => {
        const orphan = this.#subscriptions.answered(subscription, outcome, this.host)
        if (orphan !== undefined) void this.#unsubscribe(line, orphan)
      })
    } catch {
      // The line is gone, which brings the subscription back on the next one; or it is as good as gone.
      line.wire.destroy()
    }
  }

  /** Nobody waits for it: a server that does not hear it goes on telling what nobody wants to know. */
  async #unsubscribe(line: SocketLine, server: string): Promise<void> {
    const call = { method: 'eth_unsubscribe', params: [server] }
    try {
      await placeOn(line)
      await line.calls.ask(call, line.wire.send, this.#options.timing.timeoutMs, this.#ended.signal)
    } catch {
      // The line is gone, and its subscriptions with it.
    }
  }

  async #askAll(requests: readonly RpcRequest[], signal: AbortSignal): Promise<readonly RpcOutcome[]> {
    const line = this.#line
    if (!line)
      throw new BursarError('provider_unreachable', { host: this.host, reason: 'the socket is down' })
    const { wire, calls, endpoint } = line
    const { timeoutMs } = this.#options.timing
    signal.throwIfAborted()
    // One listener on the caller's signal, however many calls.
    const leaving = new AbortController()
    setMaxListeners(0, leaving.signal)
    const leave = () => leaving.abort(signal.reason)
    signal.addEventListener('abort', leave)
    const ask = async (request: RpcRequest) => {
      await endpoint.limiter?.acquire(1, leaving.signal)
      return calls.ask(request, wire.send, timeoutMs, leaving.signal)
    }
    try {
      return await Promise.all(requests.map(ask))
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  #next(): SocketEndpoint {
    const { endpoints } = this.#options
    return endpoints[this.#endpoint % endpoints.length] as SocketEndpoint
  }
}
