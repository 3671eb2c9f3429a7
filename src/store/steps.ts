import type { SignedTransaction } from '../chains/adapter.ts'
import { newId } from '../primitives/ids.ts'
import { compiled, insertRow, type Values } from './compiled.ts'
import type { AuditNote, Journal, JournalTransaction } from './journal.ts'
import { takeSigned } from './nonceFence.ts'
import { openOperation, openStep, requireOpen } from './openSteps.ts'
import { padNumber } from './paddedNumber.ts'
import type { AttemptRow, OperationRow, StepRow } from './schema.ts'

export interface Inclusion {
  readonly blockNumber: string
  readonly blockHash: string
  readonly succeeded: boolean
  readonly gasUsed: bigint
  readonly feePaid: bigint
  readonly confirmations: number
  readonly final: boolean
}

type StepChange = Partial<Omit<StepRow, 'id' | 'operation_id' | 'updated_at'>>

/** The transitions of a step. Each is one durable transaction with its audit row. */
export class StepStore {
  readonly #journal: Journal

  constructor(journal: Journal) {
    this.#journal = journal
  }

  /**
   * Records signed bytes before anybody else sees them (R2). When the step has signed bytes already, those are
   * returned and the new ones are forgotten: they must never be sent. The nonce is the step's from here on, if it was
   * not before. Throws `receipt_refused` when the operation has ended meanwhile, and `nonce_taken` when the journal
   * knows of another holder: nothing is recorded then, and the bytes must be forgotten.
   */
  recordAttempt(
    step: StepRow,
    nonce: bigint,
    signed: SignedTransaction,
    documents: Pick<StepRow, 'receipt'>,
  ): Promise<AttemptRow> {
    return this.#journal.transact(async (tx, audit) => {
      const open = await openStep(tx, step.id)
      const existing = open && UNSIGNED.has(open.state) ? undefined : await liveAttempt(tx, step.id)
      if (existing) return existing
      const { intent_id } = requireOpen(open, step)
      const now = this.#journal.now()
      const attempt: AttemptRow = {
        id: newId('att'),
        step_id: step.id,
        intent_id,
        chain: step.chain,
        account: step.account,
        nonce: padNumber(nonce),
        hash: signed.hash,
        raw: signed.raw,
        ...documents,
        kind: 'original',
        state: 'signed',
        live: 1,
        created_at: now,
      }
      await takeSigned(tx, step, nonce, now)
      await insertRow(tx, 'attempts', attempt)
      await this.#change(tx, step.id, { state: 'signed', note: null, ...documents })
      audit({
        event: 'attempt.signed',
        subject: step.id,
        detail: { hash: signed.hash, nonce: nonce.toString() },
      })
      return attempt
    })
  }

  sent(attempt: AttemptRow): Promise<void> {
    return this.#transition(attempt.step_id, UNPROVEN, { state: 'sent', note: null }, async (tx, audit) => {
      await setAttempt(tx, attempt.id, 'sent')
      await setNonce(tx, attempt.step_id, 'sent', this.#journal.now())
      audit({ event: 'attempt.sent', subject: attempt.step_id, detail: { hash: attempt.hash } })
    })
  }

  /** Not proven either way; `note` says what was seen (R14). */
  unknown(stepId: string, note: string): Promise<void> {
    return this.#transition(stepId, UNPROVEN, { state: 'unknown', note }, async (tx, audit) => {
      await setWaiting(tx, stepId, 'running')
      audit({ event: 'step.unknown', subject: stepId, detail: { note } })
    })
  }

  /** What keeps it for too long: its operation is stuck until it moves on, or until that is null. */
  waits(stepId: string, note: string | null): Promise<void> {
    return this.#transition(stepId, SENT, { note }, async (tx, audit) => {
      const state = note === null ? 'running' : 'stuck'
      await setWaiting(tx, stepId, state)
      audit({ event: `operation.${state}`, subject: stepId, detail: note === null ? {} : { note } })
    })
  }

  /** No endpoint knows any longer what the network had accepted. Its bytes stay what they are: they are sent again. */
  dropped(stepId: string): Promise<void> {
    return this.#transition(stepId, SENT, { state: 'dropped', note: DROPPED }, async (tx, audit) => {
      await setWaiting(tx, stepId, 'running')
      audit({ event: 'step.dropped', subject: stepId, detail: {} })
    })
  }

  included(attempt: AttemptRow, inclusion: Inclusion): Promise<void> {
    const isCancelled = attempt.kind === 'cancel'
    const state = stateOf(inclusion, isCancelled)
    const change: StepChange = {
      state,
      note: isCancelled ? CANCELLED : null,
      included_number: padNumber(BigInt(inclusion.blockNumber)),
      included_hash: inclusion.blockHash,
      gas_used: inclusion.gasUsed.toString(),
      fee_paid: inclusion.feePaid.toString(),
      confirmations: inclusion.confirmations,
    }
    return this.#transition(attempt.step_id, FOLLOWED, change, async (tx, audit) => {
      // Exactly one of them counts.
      await setAttempts(tx, attempt.step_id, 'superseded')
      await setAttempt(tx, attempt.id, 'included')
      await setNonce(tx, attempt.step_id, 'mined', this.#journal.now())
      await setReservations(tx, attempt.step_id, 'settled')
      const ended = inclusion.succeeded && !isCancelled ? 'committed' : 'failed'
      if (inclusion.final) await endOperation(tx, attempt.step_id, ended)
      else await setWaiting(tx, attempt.step_id, 'running')
      const detail = {
        hash: attempt.hash,
        block: inclusion.blockHash,
        confirmations: inclusion.confirmations,
      }
      audit({
        event: inclusion.final ? `operation.${ended}` : `step.${state}`,
        subject: attempt.step_id,
        detail,
      })
    })
  }

  /** The chain calls the block that included it safe; it is not final yet. */
  safe(attempt: AttemptRow, confirmations: number): Promise<void> {
    const change: StepChange = { state: 'safe', confirmations }
    return this.#transition(attempt.step_id, JUST_INCLUDED, change, async (_tx, audit) => {
      const detail = { hash: attempt.hash, confirmations }
      audit({ event: 'step.safe', subject: attempt.step_id, detail })
    })
  }

  /** Only the count of blocks on top changed: nothing that the audit log tells. */
  confirmations(stepId: string, confirmations: number): Promise<void> {
    return this.#transition(stepId, INCLUDED, { confirmations }, async () => undefined)
  }

  /** The block that included one of its attempts is no longer part of the chain: any of them may be included now. */
  reorganised(attempt: AttemptRow): Promise<void> {
    const change: StepChange = {
      state: 'sent',
      note: 'the chain reorganised and dropped the block that included it; the same bytes are sent again',
      included_number: null,
      included_hash: null,
      gas_used: null,
      fee_paid: null,
      confirmations: 0,
    }
    return this.#transition(attempt.step_id, INCLUDED, change, async (tx, audit) => {
      await setAttempts(tx, attempt.step_id, 'superseded')
      await setNewestAttempt(tx, attempt.step_id, 'sent')
      await setNonce(tx, attempt.step_id, 'sent', this.#journal.now())
      await setReservations(tx, attempt.step_id, 'held')
      audit({ event: 'step.reorganised', subject: attempt.step_id, detail: { hash: attempt.hash } })
    })
  }

  /** Proven not to have happened: the nonce was used by a transaction that is not ours, and that is final. */
  replaced(stepId: string, note: string): Promise<void> {
    return this.#transition(stepId, UNPROVEN, { state: 'replaced', note }, async (tx, audit) => {
      await setReservations(tx, stepId, 'released')
      await endOperation(tx, stepId, 'failed')
      audit({ event: 'step.replaced', subject: stepId, detail: { note } })
    })
  }

  /**
   * Ends an operation that was never signed, and frees its nonce. Returns false, changing nothing, when signed
   * bytes exist, which must be followed instead, or when it has ended already.
   */
  abandon(stepId: string, note: string): Promise<boolean> {
    return this.#journal.transact(async (tx, audit) => {
      if ((await liveAttempt(tx, stepId)) || (await openStep(tx, stepId)) === undefined) return false
      await tx.deleteFrom('nonces').where('step_id', '=', stepId).where('state', '=', 'reserved').execute()
      await setReservations(tx, stepId, 'released')
      await this.#change(tx, stepId, { state: 'failed', note })
      await endOperation(tx, stepId, 'failed')
      audit({ event: 'step.abandoned', subject: stepId, detail: { note } })
      return true
    })
  }

  /** Moves a step that is in one of the `from` states; leaves it alone when another process moved it on. */
  #transition(
    stepId: string,
    from: ReadonlySet<StepRow['state']>,
    change: StepChange,
    rest: (tx: JournalTransaction, audit: (note: AuditNote) => void) => Promise<void>,
  ): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      const { numUpdatedRows } = await this.#updated(tx, stepId, change)
        .where('state', 'in', [...from])
        .where((or) => or.exists(openOperation(or)))
        .executeTakeFirst()
      if (numUpdatedRows > 0n) await rest(tx, audit)
    })
  }

  async #change(tx: JournalTransaction, stepId: string, change: StepChange): Promise<void> {
    await this.#updated(tx, stepId, change).execute()
  }

  #updated(tx: JournalTransaction, stepId: string, change: StepChange) {
    const updated_at = this.#journal.now()
    return tx
      .updateTable('steps')
      .set({ ...change, updated_at })
      .where('id', '=', stepId)
  }
}

const UNSIGNED: ReadonlySet<StepRow['state']> = new Set(['queued', 'reserved'])
const UNPROVEN: ReadonlySet<StepRow['state']> = new Set(['signed', 'sent', 'dropped', 'unknown'])
const SENT: ReadonlySet<StepRow['state']> = new Set(['sent'])
const JUST_INCLUDED: ReadonlySet<StepRow['state']> = new Set(['included'])
const INCLUDED: ReadonlySet<StepRow['state']> = new Set(['included', 'safe', 'reverted'])
const FOLLOWED: ReadonlySet<StepRow['state']> = new Set([...UNPROVEN, ...INCLUDED])

const DROPPED = 'the network no longer has it; the same bytes are sent again'
const CANCELLED = 'it was cancelled: its nonce went to a transaction that moves nothing'

function stateOf({ succeeded, final }: Inclusion, isCancelled: boolean): StepRow['state'] {
  if (!succeeded) return 'reverted'
  if (!final) return 'included'
  return isCancelled ? 'replaced' : 'final'
}

async function setAttempt(tx: JournalTransaction, id: string, state: AttemptRow['state']): Promise<void> {
  await updateAttempt(tx, { id, state })
}

const updateAttempt = compiled((db, value: Values<Pick<AttemptRow, 'id' | 'state'>>) =>
  db
    .updateTable('attempts')
    .set({ state: value('state') })
    .where('id', '=', value('id')),
)

async function setAttempts(tx: JournalTransaction, stepId: string, state: 'superseded'): Promise<void> {
  await tx.updateTable('attempts').set({ state }).where('step_id', '=', stepId).execute()
}

async function setNewestAttempt(tx: JournalTransaction, stepId: string, state: 'sent'): Promise<void> {
  await tx
    .updateTable('attempts')
    .set({ state })
    .where('step_id', '=', stepId)
    .where('live', '=', 1)
    .execute()
}

export function liveAttempt(tx: JournalTransaction, stepId: string): Promise<AttemptRow | undefined> {
  return tx
    .selectFrom('attempts')
    .selectAll()
    .where('step_id', '=', stepId)
    .where('live', '=', 1)
    .executeTakeFirst()
}

async function setNonce(
  tx: JournalTransaction,
  stepId: string,
  state: 'sent' | 'mined',
  updated_at: string,
): Promise<void> {
  await updateNonce(tx, { stepId, state, updated_at })
}

const updateNonce = compiled(
  (db, value: Values<{ stepId: string; state: 'sent' | 'mined'; updated_at: string }>) =>
    db
      .updateTable('nonces')
      .set({ state: value('state'), updated_at: value('updated_at') })
      .where('step_id', '=', value('stepId')),
)

async function setReservations(
  tx: JournalTransaction,
  stepId: string,
  state: 'held' | 'settled' | 'released',
): Promise<void> {
  await tx.updateTable('reservations').set({ state }).where('step_id', '=', stepId).execute()
}

/** Whether an operation that has not ended waits for too long. */
export async function setWaiting(
  tx: JournalTransaction,
  stepId: string,
  state: 'running' | 'stuck',
): Promise<void> {
  await updateWaiting(tx, { stepId, from: state === 'running' ? 'stuck' : 'running', state })
}

type Waiting = Extract<OperationRow['state'], 'running' | 'stuck'>

const updateWaiting = compiled((db, value: Values<{ stepId: string; from: Waiting; state: Waiting }>) =>
  db
    .updateTable('operations')
    .set({ state: value('state') })
    .where('state', '=', value('from'))
    .where('id', '=', (query) =>
      query.selectFrom('steps').select('operation_id').where('id', '=', value('stepId')),
    ),
)

async function endOperation(
  tx: JournalTransaction,
  stepId: string,
  state: Extract<OperationRow['state'], 'committed' | 'failed'>,
): Promise<void> {
  await tx
    .updateTable('operations')
    .set({ state, lease_owner: null, lease_until: null })
    .where('id', '=', (query) => query.selectFrom('steps').select('operation_id').where('id', '=', stepId))
    .execute()
}
