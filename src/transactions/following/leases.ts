import type { ChainDirectory } from '../../chains/directory.ts'
import { pause } from '../../primitives/abort.ts'
import { newId } from '../../primitives/ids.ts'
import type { Logger } from '../../primitives/logger.ts'
import type { Journal } from '../../store/journal.ts'
import type { Lease, OperationStore } from '../../store/operations.ts'
import { HeadWatches } from './headWatches.ts'

/** A process that dies loses its operations to the others after this long. */
const LEASE_MS = 5_000
const TICK_MS = 250
/** How often a process without work looks whether another one died. */
const IDLE_TICKS = 8
/** Payments may wait for days for lower fees; whoever waits must not keep others from being followed. */
const MAX_OPERATIONS = 10_000
/** After a drive that failed. */
const RETRY_MS = 2_000

/** Moves an operation as far as it goes; answers in how many milliseconds it may go further. */
type Drive = (operationId: string) => Promise<number>

/** Where each new head is told, looking without one is for the case that telling fails. */
const PUSHED_FACTOR = 8
const MAX_PAUSE_MS = 15_000
const WOKEN_AT_MOST_EVERY_MS = 200

/** One operation that this process follows. */
interface Followed {
  readonly chain: string
  /** By the monotonic clock. */
  due: number
  driving: boolean
  /** The chain has moved while it was driven. */
  again: boolean
}

/**
 * This process's claim on unfinished operations, and the loop that follows them: those it began, and those of
 * processes that died. Leases keep work from being done twice; the journal's fences keep it harmless if it is.
 */
export class Leases {
  readonly #owner = newId('proc')
  readonly #followed = new Map<string, Followed>()
  readonly #journal: Journal
  readonly #operations: OperationStore
  readonly #heads: HeadWatches
  readonly #logger: Logger
  #loop: Promise<void> = Promise.resolve()
  #rest = new AbortController()
  #isIdle = false
  #woken = false
  #stopped = false
  #wokenAt = Number.NEGATIVE_INFINITY

  constructor(
    journal: Journal,
    operations: OperationStore,
    directory: Pick<ChainDirectory, 'watch'>,
    logger: Logger,
  ) {
    this.#journal = journal
    this.#operations = operations
    this.#heads = new HeadWatches(directory, (chain) => this.#moved(chain), logger)
    this.#logger = logger
  }

  /** The lease under which a new operation is recorded. */
  take(): Lease {
    const journal = this.#journal
    return {
      owner: this.#owner,
      until: journal.after(LEASE_MS),
      renewFrom: journal.after(LEASE_MS / 2),
      atMost: journal.after(2 * LEASE_MS),
    }
  }

  /** There is work now. Whoever has some already looks soon enough. */
  wake(): void {
    this.#woken = true
    if (this.#isIdle) this.#look()
  }

  start(drive: Drive): void {
    this.#loop = this.#run(drive)
  }

  /** Stops following, waits for what is `underWay` to come to its next record, and hands the rest over. */
  async stop(underWay: () => Promise<void>): Promise<void> {
    this.#stopped = true
    this.#look()
    await this.#loop
    this.#heads.keepTo(new Set())
    await underWay()
    // They run out by themselves when the journal cannot be written any more.
    await this.#operations.release(this.#owner).catch((error: unknown) => {
      this.#logger.warn('leases were not handed over', { cause: String(error) })
    })
  }

  async #run(drive: Drive): Promise<void> {
    while (!this.#stopped) {
      // Made before the tick, so that what comes meanwhile ends the wait after it.
      this.#rest = new AbortController()
      this.#woken = false
      const followed = await this.#tick(drive)
      this.#isIdle = followed === 0 && !this.#woken
      await pause(this.#isIdle ? TICK_MS * IDLE_TICKS : TICK_MS, this.#rest.signal)
    }
  }

  /** Ends the wait before the next tick. */
  #look(): void {
    this.#rest.abort()
  }

  /** Renews what is held and drives what is due: an endpoint that hangs holds up its own operations only. */
  async #tick(drive: Drive): Promise<number> {
    try {
      const claimed = await this.#operations.claim(this.take(), MAX_OPERATIONS)
      const held = new Set(claimed.map(({ id }) => id))
      for (const [id, { driving }] of this.#followed) {
        if (!held.has(id) && !driving) this.#followed.delete(id)
      }
      this.#heads.keepTo(new Set(claimed.map(({ chain }) => chain)))
      for (const { id, chain } of claimed) {
        const one = this.#followed.get(id) ?? { chain, due: 0, driving: false, again: false }
        this.#followed.set(id, one)
        if (!one.driving && one.due <= performance.now()) void this.#driveOne(id, one, drive)
      }
      return claimed.length
    } catch (error) {
      this.#logger.error('following failed', { cause: String(error) })
      return 0
    }
  }

  async #driveOne(id: string, one: Followed, drive: Drive): Promise<void> {
    one.driving = true
    one.again = false
    const pauseMs = await this.#attempt(id, one.chain, drive)
    one.due = one.again ? 0 : performance.now() + pauseMs
    one.driving = false
  }

  /** Drives once; answers when to look again. */
  async #attempt(id: string, chain: string, drive: Drive): Promise<number> {
    try {
      const pauseMs = await drive(id)
      return Math.min(this.#heads.pushed(chain) ? pauseMs * PUSHED_FACTOR : pauseMs, MAX_PAUSE_MS)
    } catch (error) {
      // It is tried again: an operation is never dropped because a chain did not answer.
      this.#logger.warn('operation waits', { operation: id, cause: String(error) })
      return RETRY_MS
    }
  }

  /** Whatever is under way there may have moved as well, or may have to be looked at again. */
  #moved(chain: string): void {
    const now = performance.now()
    for (const one of this.#followed.values()) {
      if (one.chain !== chain) continue
      one.due = 0
      one.again = true
    }
    // However fast heads are told, by whomever: a look now and then is enough.
    if (now - this.#wokenAt < WOKEN_AT_MOST_EVERY_MS) return
    this.#wokenAt = now
    this.#look()
  }
}
