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
/** After a drive that failed. */
const RETRY_MS = 2_000

/** Moves an operation as far as it goes; answers in how many milliseconds it may go further. */
type Drive = (operationId: string) => Promise<number>

/**
 * This process's claim on unfinished operations, and the loop that follows them: those it began, and those of
 * processes that died. Leases keep work from being done twice; the journal's fences keep it harmless if it is.
 */
export class Leases {
  readonly #owner = newId('proc')
  /** When each operation is due again, by the monotonic clock; `Infinity` while it is driven. */
  readonly #due = new Map<string, number>()
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
    const journal = this.#journal
    return { owner: this.#owner, until: journal.after(LEASE_MS), atMost: journal.after(2 * LEASE_MS) }
  }

  /** Ends an idle wait: there is work now. */
  wake(): void {
    this.#idle.abort()
  }

  start(drive: Drive): void {
    this.#loop = this.#run(drive)
  }

  /** Stops following, waits for what is `underWay` to come to its next record, and hands the rest over. */
  async stop(underWay: () => Promise<void>): Promise<void> {
    this.#stopped = true
    this.wake()
    await this.#loop
    await underWay()
    // They run out by themselves when the journal cannot be written any more.
    await this.#operations.release(this.#owner).catch((error: unknown) => {
      this.#logger.warn('leases were not handed over', { cause: String(error) })
    })
  }

  async #run(drive: Drive): Promise<void> {
    while (!this.#stopped) {
      // Made before the tick, so that work that arrives meanwhile ends the wait after it.
      this.#idle = new AbortController()
      const followed = await this.#tick(drive)
      await pause(followed > 0 ? TICK_MS : TICK_MS * IDLE_TICKS, this.#idle.signal)
    }
  }

  /** Renews what is held and drives what is not driven yet: an endpoint that hangs holds up its own operations only. */
  async #tick(drive: Drive): Promise<number> {
    try {
      const ids = await this.#operations.claim(this.take(), MAX_OPERATIONS)
      const held = new Set(ids)
      for (const [id, due] of this.#due) {
        if (!held.has(id) && due !== Number.POSITIVE_INFINITY) this.#due.delete(id)
      }
      for (const id of ids) {
        if ((this.#due.get(id) ?? 0) <= performance.now()) void this.#driveOne(id, drive)
      }
      return ids.length
    } catch (error) {
      this.#logger.error('following failed', { cause: String(error) })
      return 0
    }
  }

  async #driveOne(id: string, drive: Drive): Promise<void> {
    this.#due.set(id, Number.POSITIVE_INFINITY)
    try {
      const pauseMs = await drive(id)
      this.#due.set(id, performance.now() + pauseMs)
    } catch (error) {
      // It is tried again: an operation is never dropped because a chain did not answer.
      this.#logger.warn('operation waits', { operation: id, cause: String(error) })
      this.#due.set(id, performance.now() + RETRY_MS)
    }
  }
}
