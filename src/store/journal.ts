import type { Clock } from '../primitives/clock.ts'
import type { AuditEvent } from './audit/audit.ts'
import { asJournalError, type JournalDb, openDatabase } from './database/database.ts'
import { GroupCommit, type JournalTransaction } from './database/groupCommit.ts'

export type { JournalTransaction }

/** What a transition writes besides its rows. */
export type AuditNote = Omit<AuditEvent, 'at'>

/**
 * The journal: the truth about intents, operations and attempts. Opened on first use, so that the server answers
 * its client before the database is there; a journal that cannot be opened is asked for again on the next use.
 */
export class Journal {
  readonly #path: string
  readonly #clock: Clock
  readonly #writes = new GroupCommit(() => this.#db())
  #opening: Promise<JournalDb> | undefined

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  /** Now, as rows record it. */
  now(): string {
    return new Date(this.#clock.now()).toISOString()
  }

  /** `ms` from now, as rows record it. */
  after(ms: number): string {
    return new Date(this.#clock.now() + ms).toISOString()
  }

  async read<T>(query: (db: JournalDb) => Promise<T>): Promise<T> {
    const db = await this.#db()
    return query(db).catch((error: unknown) => {
      throw asJournalError(error)
    })
  }

  /**
   * One durable transition: all of it is on disk when this resolves, or none of it. It holds the write lock of
   * every process from its first line, so what it reads stays true until it commits.
   */
  transact<T>(change: (tx: JournalTransaction, audit: (note: AuditNote) => void) => Promise<T>): Promise<T> {
    return this.#writes.transact((tx, trail) => change(tx, (note) => trail.add({ ...note, at: this.now() })))
  }

  /** Takes the write lock and gives it back: whether a transition could begin now. */
  lock(): Promise<void> {
    return this.transact(async () => undefined)
  }

  /** Proves with a real, durable row that the journal can be written. */
  prove(): Promise<void> {
    return this.transact(async (_tx, audit) =>
      audit({ event: 'journal.checked', subject: 'doctor', detail: {} }),
    )
  }

  async close(): Promise<void> {
    const opening = this.#opening
    this.#opening = undefined
    await opening?.then((db) => db.destroy())
  }

  #db(): Promise<JournalDb> {
    this.#opening ??= openDatabase(this.#path).catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }
}
