import { type FlagName, type FlagRule, isFlagName, ruleProblem } from '../../primitives/flags.ts'
import { canonicalJson } from '../../primitives/json.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import { compiled, type Values } from '../database/compiled.ts'
import type { Journal, JournalTransaction } from '../journal.ts'
import type { FlagSetTable } from '../schema.ts'

export type FlagRules = Readonly<Partial<Record<FlagName, FlagRule>>>

/** What operators have set, as it is now. */
export interface FlagState {
  /** Number of the set; 0 while nothing was ever set. */
  readonly set: number
  readonly rules: FlagRules
  /** Why each is off, whatever the set says. */
  readonly stopped: ReadonlyMap<string, string>
}

/** Stands for every flag. */
export const EVERY_FLAG = '*'
const MOST_REASON = 200

/** Flags as operators set them: whole sets with numbers, so that the one before comes back at once. */
export class FlagStore {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /** Throws `journal_unavailable`, and a SyntaxError or TypeError where somebody has written what is no set. */
  state(): Promise<FlagState> {
    return this.#journal.read(async (db) => {
      const [[newest], stops] = await Promise.all([newestSet(db, {}), everyStop(db, {})])
      const stopped = new Map(stops.map(({ flag, reason }) => [flag, reason]))
      return { set: newest?.id ?? 0, rules: rulesOf(newest), stopped }
    })
  }

  /** Sets the rule of a flag, or takes it away. Answers with the number of the new set. */
  set(flag: FlagName, rule: FlagRule | undefined): Promise<number> {
    return this.#journal.transact(async (tx, audit) => {
      const [newest] = await newestSet(tx, {})
      const { [flag]: _replaced, ...others } = rulesOf(newest)
      const rules = rule ? { ...others, [flag]: rule } : others
      const id = await this.#append(tx, newest?.id ?? null, newest?.id ?? 0, rules)
      audit({
        event: 'flags.set',
        subject: flag,
        detail: { set: id, rule: rule ? canonicalJson(rule) : 'none' },
      })
      return id
    })
  }

  /**
   * Puts an earlier set in force again, as a new one: the one before the newest, unless one is named (0 is where
   * nothing was set). Undefined when there is none.
   */
  rollback(to?: number): Promise<{ readonly set: number; readonly restored: number } | undefined> {
    return this.#journal.transact(async (tx, audit) => {
      const [newest] = await newestSet(tx, {})
      if (!newest) return undefined
      const restored = to ?? newest.previous ?? 0
      const known = tx.selectFrom('flag_sets').selectAll().where('id', '=', restored)
      const target = restored === 0 ? undefined : await known.executeTakeFirst()
      if (restored !== 0 && !target) return undefined
      // A second rollback goes further back, not to and fro.
      const id = await this.#append(tx, target?.previous ?? null, newest.id, rulesOf(target))
      audit({ event: 'flags.rolled-back', subject: EVERY_FLAG, detail: { set: id, restored } })
      return { set: id, restored }
    })
  }

  /** Switches a flag off, or every one, until that is lifted: no set and no rollback switches it on. */
  async stop(flag: FlagName | typeof EVERY_FLAG, reason: string): Promise<void> {
    const told = untrusted(reason, MOST_REASON).untrusted
    await this.#journal.transact(async (tx, audit) => {
      const row = { flag, reason: told, since: this.#journal.now() }
      await tx.replaceInto('flag_stops').values(row).execute()
      audit({ event: 'flags.stopped', subject: flag, detail: { reason: told } })
    })
  }

  /** Answers whether it was stopped. */
  lift(flag: FlagName | typeof EVERY_FLAG): Promise<boolean> {
    return this.#journal.transact(async (tx, audit) => {
      const { numDeletedRows } = await tx
        .deleteFrom('flag_stops')
        .where('flag', '=', flag)
        .executeTakeFirstOrThrow()
      if (numDeletedRows === 0n) return false
      audit({ event: 'flags.lifted', subject: flag, detail: {} })
      return true
    })
  }

  async #append(
    tx: JournalTransaction,
    previous: number | null,
    last: number,
    rules: FlagRules,
  ): Promise<number> {
    const row = { id: last + 1, previous, at: this.#journal.now(), rules: canonicalJson(rules) }
    await tx.insertInto('flag_sets').values(row).execute()
    return row.id
  }
}

/** Throws a SyntaxError or TypeError. */
function rulesOf(row: Pick<FlagSetTable, 'rules'> | undefined): FlagRules {
  const rules = JSON.parse(row?.rules ?? '{}') as Record<string, FlagRule>
  for (const [flag, rule] of Object.entries(rules)) {
    // A later version may know more flags; what this one knows must be right.
    const problem = isFlagName(flag) ? ruleProblem(flag, rule) : undefined
    if (problem !== undefined) throw new TypeError(`flag set: ${problem}`)
  }
  return rules
}

const newestSet = compiled((db, _value: Values<object>) =>
  db.selectFrom('flag_sets').select(['id', 'previous', 'at', 'rules']).orderBy('id', 'desc').limit(1),
)

const everyStop = compiled((db, _value: Values<object>) =>
  db.selectFrom('flag_stops').select(['flag', 'reason']),
)
