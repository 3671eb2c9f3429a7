import { asJournalError, type JournalDb, openCopy } from './database.ts'

/** A journal file that is only looked at: a copy, or one that a later version has written. Nothing is migrated. */
export class JournalCopy {
  readonly #path: string
  #opening: Promise<JournalDb> | undefined

  constructor(path: string) {
    this.#path = path
  }

  /** Throws `journal_unavailable`. */
  readonly read = async <T>(query: (db: JournalDb) => Promise<T>): Promise<T> => {
    this.#opening ??= openCopy(this.#path)
    try {
      return await query(await this.#opening)
    } catch (error) {
      throw asJournalError(error)
    }
  }

  async close(): Promise<void> {
    await this.#opening?.then((db) => db.destroy()).catch(() => undefined)
  }
}
