import { pause } from '../primitives/abort.ts'
import { newId } from '../primitives/ids.ts'
import type { Logger } from '../primitives/logger.ts'
import type { Journal } from '../store/journal.ts'
import type { Lease, OperationStore } from '../store/operations.ts'

/** A process that dies loses its operations to the others after this long. */
const LEASE_MS = 5_000
const TICK_MS = 250
/** How often a process without work looks whether another one died. */
const IDLE_TICKS = 8
const MAX_OPERATIONS = 500

/**
 * This process's claim on unfinished operations, and the loop that follows them: those it began, and those of
 * processes that died. Leases keep work from being done twice; the journal's fences keep it harmless if it is.
 */
export class Leases {
  readonly #owner = newId('proc')
  readonly #stop = new AbortController()
  readonly #journal: Journal
  readonly #operations: OperationStore
  readonly #logger: Logger
  #loop: Promise<void> = Promise.resolve()
  #idle = new AbortController()

  constructor(journal: Journal, operations: OperationStore, logger: Logger) {
    this.#journal = journal
    this.#operations = operations
    this.#logger = logger
  }

  /** The lease under which a new operation is recorded. */
  take(): Lease {
    return { owner: this.#owner, until: this.#journal.after(LEASE_MS) }
  }

  /** Ends an idle wait: there is work now. */
  wake(): void {
    this.#idle.abort()
  }

  start(drive: (operationId: string) => Promise<void>): void {
    this.#loop = this.#run(drive)
  }

  /** Stops following and hands unfinished operations over at once. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.wake()
    await this.#loop
    // They run out by themselves when the journal cannot be written any more.
    await this.#operations.release(this.#owner).catch((error: unknown) => {
      this.#logger.warn('leases were not handed over', { cause: String(error) })
    })
  }

  async #run(drive: (operationId: string) => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      // Made before the tick, so that work that arrives meanwhile ends the wait after it.
      this.#idle = new AbortController()
      const followed = await this.#tick(drive)
      const wait = followed > 0 ? TICK_MS : TICK_MS * IDLE_TICKS
      await pause(wait, AbortSignal.any([this.#stop.signal, this.#idle.signal]))
    }
  }

  async #tick(drive: (operationId: string) => Promise<void>): Promise<number> {
    try {
      const ids = await this.#operations.claim(this.take(), MAX_OPERATIONS)
      await Promise.all(ids.map((id) => this.#driveOne(id, drive)))
      return ids.length
    } catch (error) {
      this.#logger.error('following failed', { cause: String(error) })
      return 0
    }
  }

  async #driveOne(id: string, drive: (operationId: string) => Promise<void>): Promise<void> {
    try {
      await drive(id)
    } catch (error) {
      // The next tick tries again: an operation is never dropped because a chain did not answer.
      this.#logger.warn('operation waits', { operation: id, cause: String(error) })
    }
  }
}
