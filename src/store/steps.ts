import type { SignedTransaction } from '../chains/adapter.ts'
import { newId } from '../primitives/ids.ts'
import { compiled, compiledByColumns, insertRow, type Values } from './compiled.ts'
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
  /** What it did worse to the account than was simulated, in words. */
  readonly worse?: string
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
    return this.#transition(
      attempt.step_id,
      fromUnproven,
      { state: 'sent', note: null },
      async (tx, audit) => {
        await setAttempt(tx, { id: attempt.id, state: 'sent' })
        await setNonce(tx, { stepId: attempt.step_id, state: 'sent', now: this.#journal.now() })
        audit({ event: 'attempt.sent', subject: attempt.step_id, detail: { hash: attempt.hash } })
      },
    )
  }

  /** Not proven either way; `note` says what was seen (R14). */
  unknown(stepId: string, note: string): Promise<void> {
    return this.#transition(stepId, fromUnproven, { state: 'unknown', note }, async (tx, audit) => {
      await setWaiting(tx, stepId, 'running')
      audit({ event: 'step.unknown', subject: stepId, detail: { note } })
    })
  }

  /** What keeps it for too long: its operation is stuck until it moves on, or until that is null. */
  waits(stepId: string, note: string | null): Promise<void> {
    return this.#transition(stepId, fromSent, { note }, async (tx, audit) => {
      const state = note === null ? 'running' : 'stuck'
      await setWaiting(tx, stepId, state)
      audit({ event: `operation.${state}`, subject: stepId, detail: note === null ? {} : { note } })
    })
  }

  /** No endpoint knows any longer what the network had accepted. Its bytes stay what they are: they are sent again. */
  dropped(stepId: string): Promise<void> {
    return this.#transition(stepId, fromSent, { state: 'dropped', note: DROPPED }, async (tx, audit) => {
      await setWaiting(tx, stepId, 'running')
      audit({ event: 'step.dropped', subject: stepId, detail: {} })
    })
  }

  included(attempt: AttemptRow, inclusion: Inclusion): Promise<void> {
    const isCancelled = attempt.kind === 'cancel'
    const state = stateOf(inclusion, isCancelled)
    const change: StepChange = {
      state,
      note: isCancelled ? CANCELLED : (inclusion.worse ?? null),
      included_number: padNumber(BigInt(inclusion.blockNumber)),
      included_hash: inclusion.blockHash,
      gas_used: inclusion.gasUsed.toString(),
      fee_paid: inclusion.feePaid.toString(),
      confirmations: inclusion.confirmations,
    }
    return this.#transition(attempt.step_id, fromFollowed, change, async (tx, audit) => {
      // Exactly one of them counts.
      await markIncluded(tx, { stepId: attempt.step_id, id: attempt.id })
      await setNonce(tx, { stepId: attempt.step_id, state: 'mined', now: this.#journal.now() })
      await setReservations(tx, { stepId: attempt.step_id, state: 'settled' })
      const ended = inclusion.succeeded && !isCancelled ? 'committed' : 'failed'
      if (inclusion.final) await endOperation(tx, { stepId: attempt.step_id, state: ended })
      else await setWaiting(tx, attempt.step_id, 'running')
      const detail = {
        hash: attempt.hash,
        block: inclusion.blockHash,
        confirmations: inclusion.confirmations,
        ...(inclusion.worse === undefined ? {} : { worse: inclusion.worse }),
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
    return this.#transition(attempt.step_id, fromJustIncluded, change, async (_tx, audit) => {
      const detail = { hash: attempt.hash, confirmations }
      audit({ event: 'step.safe', subject: attempt.step_id, detail })
    })
  }

  /** Only the count of blocks on top changed: nothing that the audit log tells. */
  confirmations(stepId: string, confirmations: number): Promise<void> {
    return this.#transition(stepId, fromIncluded, { confirmations }, async () => undefined)
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
    return this.#transition(attempt.step_id, fromIncluded, change, async (tx, audit) => {
      await markReorganised(tx, { stepId: attempt.step_id })
      await setNonce(tx, { stepId: attempt.step_id, state: 'sent', now: this.#journal.now() })
      await setReservations(tx, { stepId: attempt.step_id, state: 'held' })
      audit({ event: 'step.reorganised', subject: attempt.step_id, detail: { hash: attempt.hash } })
    })
  }

  /** Proven not to have happened: the nonce was used by a transaction that is not ours, and that is final. */
  replaced(stepId: string, note: string): Promise<void> {
    return this.#transition(stepId, fromUnproven, { state: 'replaced', note }, async (tx, audit) => {
      await setReservations(tx, { stepId, state: 'released' })
      await endOperation(tx, { stepId, state: 'failed' })
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
      await setReservations(tx, { stepId, state: 'released' })
      await this.#change(tx, stepId, { state: 'failed', note })
      await endOperation(tx, { stepId, state: 'failed' })
      audit({ event: 'step.abandoned', subject: stepId, detail: { note } })
      return true
    })
  }

  /** Moves a step that is in one of some states; leaves it alone when another process moved it on. */
  #transition(
    stepId: string,
    move: typeof fromSent,
    change: StepChange,
    rest: (tx: JournalTransaction, audit: (note: AuditNote) => void) => Promise<void>,
  ): Promise<void> {
    return this.#journal.transact(async (tx, audit) => {
      const moved = await move(tx, { ...change, updated_at: this.#journal.now(), id: stepId })
      if (moved > 0n) await rest(tx, audit)
    })
  }

  async #change(tx: JournalTransaction, stepId: string, change: StepChange): Promise<void> {
    await changeStep(tx, { ...change, updated_at: this.#journal.now(), id: stepId })
  }
}

const UNSIGNED: ReadonlySet<StepRow['state']> = new Set(['queued', 'reserved'])
const UNPROVEN: readonly StepRow['state'][] = ['signed', 'sent', 'dropped', 'unknown']
const INCLUDED: readonly StepRow['state'][] = ['included', 'safe', 'reverted']

const changeStep = compiledByColumns((db, { id, ...change }) =>
  db
    .updateTable('steps')
    .set(change)
    .where('id', '=', id as string),
)

/** Changes a step that is in one of these states while its operation is open. */
function moveFrom(states: readonly StepRow['state'][]) {
  return compiledByColumns((db, { id, ...change }) =>
    db
      .updateTable('steps')
      .set(change)
      .where('id', '=', id as string)
      .where('state', 'in', states)
      .where((or) => or.exists(openOperation(or))),
  )
}

const fromUnproven = moveFrom(UNPROVEN)
const fromSent = moveFrom(['sent'])
const fromJustIncluded = moveFrom(['included'])
const fromIncluded = moveFrom(INCLUDED)
const fromFollowed = moveFrom([...UNPROVEN, ...INCLUDED])

const DROPPED = 'the network no longer has it; the same bytes are sent again'
const CANCELLED = 'it was cancelled: its nonce went to a transaction that moves nothing'

function stateOf({ succeeded, final }: Inclusion, isCancelled: boolean): StepRow['state'] {
  if (!succeeded) return 'reverted'
  if (!final) return 'included'
  return isCancelled ? 'replaced' : 'final'
}

const setAttempt = compiled((db, value: Values<Pick<AttemptRow, 'id' | 'state'>>) =>
  db
    .updateTable('attempts')
    .set({ state: value('state') })
    .where('id', '=', value('id')),
)

/** Exactly one of them counts. */
const markIncluded = compiled((db, value: Values<{ stepId: string; id: string }>) =>
  db
    .updateTable('attempts')
    .set(({ eb }) => ({
      state: eb
        .case()
        .when('id', '=', value('id'))
        .then('included' as const)
        .else('superseded' as const)
        .end(),
    }))
    .where('step_id', '=', value('stepId')),
)

/** Any of them may be included again; the newest is what is sent. */
const markReorganised = compiled((db, value: Values<{ stepId: string }>) =>
  db
    .updateTable('attempts')
    .set(({ eb }) => ({
      state: eb
        .case()
        .when('live', '=', 1)
        .then('sent' as const)
        .else('superseded' as const)
        .end(),
    }))
    .where('step_id', '=', value('stepId')),
)

export async function liveAttempt(tx: JournalTransaction, stepId: string): Promise<AttemptRow | undefined> {
  return (await liveAttemptOf(tx, { stepId }))[0]
}

const liveAttemptOf = compiled((db, value: Values<{ stepId: string }>) =>
  db.selectFrom('attempts').selectAll().where('step_id', '=', value('stepId')).where('live', '=', 1),
)

const setNonce = compiled((db, value: Values<{ stepId: string; state: 'sent' | 'mined'; now: string }>) =>
  db
    .updateTable('nonces')
    .set({ state: value('state'), updated_at: value('now') })
    .where('step_id', '=', value('stepId')),
)

const setReservations = compiled(
  (db, value: Values<{ stepId: string; state: 'held' | 'settled' | 'released' }>) =>
    db
      .updateTable('reservations')
      .set({ state: value('state') })
      .where('step_id', '=', value('stepId')),
)

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

const endOperation = compiled((db, value: Values<{ stepId: string; state: 'committed' | 'failed' }>) =>
  db
    .updateTable('operations')
    .set({ state: value('state'), lease_owner: null, lease_until: null })
    .where('id', '=', (query) =>
      query.selectFrom('steps').select('operation_id').where('id', '=', value('stepId')),
    ),
)
