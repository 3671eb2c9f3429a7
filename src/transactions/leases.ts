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
  readonly #driving = new Map<string, Promise<void>>()
  readonly #journal: Journal
  readonly #operations: OperationStore
  readonly #logger: Logger
  #loop: Promise<void> = Promise.resolve()
  #idle = new AbortController()
  #stopped = false

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

  /** Stops following, lets what is under way come to its next record, and hands unfinished operations over. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.wake()
    await this.#loop
    await Promise.all(this.#driving.values())
    // They run out by themselves when the journal cannot be written any more.
    await this.#operations.release(this.#owner).catch((error: unknown) => {
      this.#logger.warn('leases were not handed over', { cause: String(error) })
    })
  }

  async #run(drive: (operationId: string) => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      // Made before the tick, so that work that arrives meanwhile ends the wait after it.
      this.#idle = new AbortController()
      const followed = await this.#tick(drive)
      await pause(followed > 0 ? TICK_MS : TICK_MS * IDLE_TICKS, this.#idle.signal)
    }
  }

  /** Renews what is held and drives what is not driven yet: an endpoint that hangs holds up its own operations only. */
  async #tick(drive: (operationId: string) => Promise<void>): Promise<number> {
    try {
      const ids = await this.#operations.claim(this.take(), MAX_OPERATIONS)
      for (const id of ids) {
        if (this.#driving.has(id)) continue
        const driving = this.#driveOne(id, drive).finally(() => this.#driving.delete(id))
        this.#driving.set(id, driving)
      }
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
