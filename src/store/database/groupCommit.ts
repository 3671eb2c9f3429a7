import type { Transaction } from 'kysely'
import { AuditTrail } from '../audit/audit.ts'
import type { JournalTables } from '../schema.ts'
import { asJournalError, type JournalDb } from './database.ts'
import { RELEASE, ROLLBACK, SAVEPOINT } from './sqlite.ts'

export type JournalTransaction = Transaction<JournalTables>

/** As many as wait share a commit; more would make the first of them wait for the last. */
const MOST_TOGETHER = 64

/** One transition: what it writes, and what it says of it. */
export type Change<T> = (tx: JournalTransaction, trail: AuditTrail) => Promise<T>

interface Waiting {
  readonly change: Change<unknown>
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

/**
 * Transitions that are asked for while one is being written are written together and wait for the disk once: a commit
 * costs as much for one as for many. Each is whole or not there, sees those before it, and resolves when all of them
 * are durable; one that fails takes only itself back.
 */
export class GroupCommit {
  readonly #open: () => Promise<JournalDb>
  #waiting: Waiting[] = []
  #writing = false

  constructor(open: () => Promise<JournalDb>) {
    this.#open = open
  }

  transact<T>(change: Change<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ change, resolve: resolve as (value: unknown) => void, reject })
      void this.#write()
    })
  }

  async #write(): Promise<void> {
    if (this.#writing) return
    this.#writing = true
    while (this.#waiting.length > 0) {
      // A commit lets nothing else run. What arrived meanwhile is heard first, and shares the next one.
      await new Promise(setImmediate)
      const group = this.#waiting.splice(0, MOST_TOGETHER)
      await this.#commit(group).catch((error: unknown) => {
        for (const { reject } of group) reject(asJournalError(error))
      })
    }
    this.#writing = false
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const [only] = group
    const db = await this.#open()
    const trail = new AuditTrail()
    if (only && group.length === 1) {
      const value = await db.transaction().execute(async (tx) => {
        const made = await only.change(tx, trail)
        await trail.append(tx)
        return made
      })
      only.resolve(value)
      return
    }
    const settle: (() => void)[] = []
    await db.transaction().execute(async (tx) => {
      for (const one of group) settle.push(await attempt(tx, trail, one))
      await trail.append(tx)
    })
    for (const each of settle) each()
  }
}

/** Answers with what is to be told once everything is on disk. */
async function attempt(
  tx: JournalTransaction,
  trail: AuditTrail,
  { change, resolve, reject }: Waiting,
): Promise<() => void> {
  const said = trail.length
  await tx.executeQuery(SAVEPOINT)
  try {
    const value = await change(tx, trail)
    await tx.executeQuery(RELEASE)
    return () => resolve(value)
  } catch (error) {
    // Where the database has given up the whole transaction, this fails, and all fail for what made it give up.
    await tx.executeQuery(ROLLBACK).catch(() => {
      throw error
    })
    await tx.executeQuery(RELEASE)
    trail.cutTo(said)
    return () => reject(asJournalError(error))
  }
}
