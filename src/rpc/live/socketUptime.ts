import type { Clock } from '../../primitives/clock.ts'
import type { Metrics } from '../../primitives/metrics.ts'

/** How long a socket was live since it was first wanted; told to the metrics as it goes. */
export class SocketUptime {
  readonly #clock: Clock
  readonly #metrics: Metrics
  readonly #chain: string
  readonly #since: number
  #host = ''
  #liveMs = 0
  #countedAt: number | undefined
  #connects = 0

  constructor(clock: Clock, metrics: Metrics, chain: string) {
    this.#clock = clock
    this.#metrics = metrics
    this.#chain = chain
    this.#since = clock.now()
  }

  live(host: string): void {
    this.#host = host
    this.#countedAt = this.#clock.now()
    this.#connects += 1
    if (this.#connects > 1) this.#metrics.count('rpc_socket_reconnects', this.#labels)
    this.#metrics.gauge('rpc_socket_live', this.#labels, 1)
  }

  down(): void {
    this.tick()
    this.#countedAt = undefined
    this.#metrics.gauge('rpc_socket_live', this.#labels, 0)
  }

  /** Counts the time since the last tick. */
  tick(): void {
    if (this.#countedAt === undefined) return
    const now = this.#clock.now()
    const ms = Math.max(0, now - this.#countedAt)
    this.#countedAt = now
    this.#liveMs += ms
    this.#metrics.count('rpc_socket_live_seconds', this.#labels, ms / 1000)
  }

  report(): { readonly reconnects: number; readonly uptime: number } {
    this.tick()
    const wanted = this.#clock.now() - this.#since
    return {
      reconnects: Math.max(0, this.#connects - 1),
      uptime: wanted <= 0 ? 1 : Math.min(1, this.#liveMs / wanted),
    }
  }

  get #labels() {
    return { chain: this.#chain, host: this.#host }
  }
}
