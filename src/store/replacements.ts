import type { SignedTransaction } from '../chains/adapter.ts'
import { BursarError } from '../errors/bursarError.ts'
import { newId } from '../primitives/ids.ts'
import { NO_OWNERS, requireNotHalted } from './halts.ts'
import type { Journal, JournalTransaction } from './journal.ts'
import { type Admitted, requireUnchanged } from './operations.ts'
import type { AttemptRow, IntentRow, StepRow } from './schema.ts'
import {
  insertReservations,
  type Ledger,
  type LedgerAsk,
  ledgerOf,
  type NewReservation,
} from './spending/reservations.ts'
import { raiseSpends } from './spending/spends.ts'
import { liveAttempt } from './steps/liveAttempt.ts'
import { openStep, requireOpen } from './steps/openSteps.ts'
import { setWaiting } from './steps/waiting.ts'

export interface NewAttempt {
  /** Its intent as it was read. */
  readonly intent: Pick<IntentRow, 'id' | 'digest' | 'chain'>
  readonly kind: 'speed_up' | 'cancel'
  readonly signed: SignedTransaction
  /** JSON of the receipt for these very bytes. */
  readonly receipt: string
}

/** Other bytes at the nonce of a step that was signed: one of them is included, never two. */
export class ReplacementStore {
  readonly #journal: Journal
  readonly #ownerOf: typeof NO_OWNERS

  constructor(journal: Journal, ownerOf = NO_OWNERS) {
    this.#journal = journal
    this.#ownerOf = ownerOf
  }

  /**
   * Holds what a replacement may take, beside what the step holds already: whichever is more, since either may be
   * included. `admit` sees what others hold and throws to refuse; nothing is written then (R5), nor when its
   * operation has ended (`receipt_refused`).
   */
  hold(step: StepRow, ask: LedgerAsk, admit: (ledger: Ledger) => Admitted): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      const { id, chain, account } = step
      requireOpen(await openStep(tx, step.id), step)
      const wanted = admit(await ledgerOf(tx, { chain, account, ...ask, except: id }))
      const mine = tx.selectFrom('reservations').select(['asset', 'raw', 'kind'])
      const own = await mine.where('step_id', '=', id).where('state', '=', 'held').execute()
      await tx.deleteFrom('reservations').where('step_id', '=', id).where('state', '=', 'held').execute()
      await insertReservations(tx, step, larger([...own, ...wanted.reservations]), this.#journal.now())
      await raiseSpends(tx, step, wanted.counted)
      audit({ event: 'replacement.judged', subject: id, detail: { verdict: 'allow' } })
    })
  }

  /**
   * Records the signed bytes of a replacement before anybody else sees them (R2); what they replace stays watched.
   * An intent that was signed before gives the attempt of then, and the new bytes are forgotten. Throws
   * `receipt_refused` when the intent was renewed since it was read, `not_replaceable` when `expected` is not what
   * stands at the nonce any more, and `halted`.
   */
  record(step: StepRow, expected: string, replacement: NewAttempt): Promise<AttemptRow> {
    const { intent, kind, signed, receipt } = replacement
    return this.#journal.transact(async (tx, audit) => {
      const earlier = await attemptOf(tx, intent.id)
      if (earlier) return earlier
      await requireUnchanged(tx, intent)
      const { wallet, halts } = requireOpen(await openStep(tx, step.id), step)
      if (halts > 0) await requireNotHalted(tx, { ...step, wallet }, this.#ownerOf)
      const old = await this.#replaceable(tx, step, expected)
      const now = this.#journal.now()
      await tx
        .updateTable('attempts')
        .set({ state: 'superseded', live: 0 })
        .where('id', '=', old.id)
        .execute()
      const attempt: AttemptRow = {
        ...old,
        id: newId('att'),
        intent_id: intent.id,
        hash: signed.hash,
        raw: signed.raw,
        receipt,
        kind,
        state: 'signed',
        live: 1,
        created_at: now,
      }
      await tx.insertInto('attempts').values(attempt).execute()
      await tx
        .updateTable('steps')
        .set({ state: 'signed', note: null, updated_at: now })
        .where('id', '=', step.id)
        .execute()
      await setWaiting(tx, step.id, 'running')
      audit({
        event: 'attempt.signed',
        subject: step.id,
        detail: { hash: signed.hash, kind, replaces: old.hash },
      })
      return attempt
    })
  }

  async #replaceable(tx: JournalTransaction, step: StepRow, expected: string): Promise<AttemptRow> {
    const live = await liveAttempt(tx, step.id)
    const { state } = await tx
      .selectFrom('steps')
      .select('state')
      .where('id', '=', step.id)
      .executeTakeFirstOrThrow()
    if (live?.id === expected && REPLACEABLE.has(state)) return live
    const reason =
      live?.id === expected ? 'it was included meanwhile' : 'another replacement was sent meanwhile'
    throw new BursarError('not_replaceable', { reason }, { chain: step.chain })
  }
}

const REPLACEABLE: ReadonlySet<StepRow['state']> = new Set(['signed', 'sent', 'dropped', 'unknown'])

function attemptOf(tx: JournalTransaction, intentId: string): Promise<AttemptRow | undefined> {
  return tx.selectFrom('attempts').selectAll().where('intent_id', '=', intentId).executeTakeFirst()
}

/** The larger one of each kind and asset. */
function larger(reservations: readonly NewReservation[]): readonly NewReservation[] {
  const most = new Map<string, NewReservation>()
  for (const one of reservations) {
    const key = `${one.kind} ${one.asset}`
    const known = most.get(key)
    if (!known || BigInt(one.raw) > BigInt(known.raw)) most.set(key, one)
  }
  return [...most.values()]
}
