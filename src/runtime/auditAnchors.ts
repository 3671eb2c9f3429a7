import type { Logger } from '../primitives/logger.ts'
import { advanceAnchor } from '../store/audit/auditAnchor.ts'
import type { Journal } from '../store/journal.ts'

const EVERY_MS = 60_000

/** Remembers the newest row of the audit log outside of the database once a minute, so that a log that is cut is missed. */
export class AuditAnchors {
  readonly #journal: Journal
  readonly #file: string
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined

  constructor(journal: Journal, file: string, logger: Logger) {
    this.#journal = journal
    this.#file = file
    this.#logger = logger
  }

  start(): void {
    this.#timer = setInterval(() => void this.#advance(), EVERY_MS).unref()
  }

  /** Remembers what was written last. Does nothing where it was not started: then nothing was written. */
  async stop(): Promise<void> {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    await this.#advance()
  }

  async #advance(): Promise<void> {
    try {
      if (await advanceAnchor(this.#journal, this.#file)) return
      this.#logger.error('the audit log was changed: run "bursar audit verify"', { anchor: this.#file })
    } catch (error) {
      this.#logger.warn('the end of the audit log was not remembered', { cause: String(error) })
    }
  }
}
