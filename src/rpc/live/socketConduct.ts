import type { Logger } from '../../primitives/logger.ts'
import type { Metrics } from '../../primitives/metrics.ts'

/** What a socket may do wrong: say what is no message of its protocol, or tell of blocks that nobody else knows. */
export type SocketFault = 'malformed' | 'invented'

/** Whoever notices of a subscription come from. */
export interface NoticeSource {
  readonly host: string
  /** Counts against the connection that the notice came over. Whether that was the end of it. */
  fault(fault: SocketFault, cause: string): boolean
}

export interface ConductOptions {
  readonly chain: string
  readonly host: string
  readonly metrics: Metrics
  readonly logger: Logger
}

/**
 * Faults of any kind that one connection is forgiven. A provider that slips now and then is worth more than none, and
 * to lose a connection costs little: another comes, and what it missed is read.
 */
const MAX_FAULTS = 10

/** What one connection has done wrong: a line in the log for each kind and not for each message, and at last its end. */
export class SocketConduct implements NoticeSource {
  readonly #options: ConductOptions
  readonly #counts = new Map<SocketFault, number>()
  #total = 0
  #drop: ((why: string) => void) | undefined
  #isDropped = false

  constructor(options: ConductOptions) {
    this.#options = options
  }

  get host(): string {
    return this.#options.host
  }

  /** Whether the connection was ended for what it did. */
  get isDropped(): boolean {
    return this.#isDropped
  }

  /** How many faults of each kind there were. */
  get counts(): Readonly<Partial<Record<SocketFault, number>>> {
    return Object.fromEntries(this.#counts)
  }

  /** `drop` ends the connection. */
  begins(drop: (why: string) => void): void {
    this.#drop = drop
  }

  fault(fault: SocketFault, cause: string): boolean {
    // What was under way when it was dropped says nothing new.
    if (this.#isDropped) return true
    const { chain, host, metrics, logger } = this.#options
    const count = (this.#counts.get(fault) ?? 0) + 1
    this.#counts.set(fault, count)
    this.#total += 1
    metrics.count('rpc_socket_faults', { chain, host, fault })
    if (count === 1) logger.warn('a socket misbehaves', { chain, host, fault, cause })
    if (this.#total >= MAX_FAULTS) this.#end(`${this.#total} of its messages were wrong: ${cause}`)
    return this.#isDropped
  }

  /** One that is past forgiving: what it speaks is not the protocol. */
  broke(cause: string): void {
    this.fault('malformed', cause)
    this.#end(cause)
  }

  #end(why: string): void {
    if (this.#isDropped) return
    this.#isDropped = true
    this.#drop?.(why)
  }
}
