import type { SignedTransaction } from '../../chains/adapter.ts'
import { newId } from '../../primitives/ids.ts'
import { compiledByColumns, insertRow } from '../database/compiled.ts'
import { padNumber } from '../database/paddedNumber.ts'
import { insertUse, type UsedGas } from '../gasUses.ts'
import { NO_OWNERS, requireNotHalted } from '../halts.ts'
import type { AuditNote, Journal, JournalTransaction } from '../journal.ts'
import { takeSigned } from '../nonces/nonceFence.ts'
import type { AttemptRow, StepRow } from '../schema.ts'
import { requireFreeAllowance } from '../spending/allowances.ts'
import { settleTaken, type Taken } from '../spending/settlements.ts'
import { dropSpends } from '../spending/spends.ts'
import { astrayNote } from './askedSignatures.ts'
import { type Ending, endOperation } from './endings.ts'
import { liveAttempt } from './liveAttempt.ts'
import { openOperation, openStep, requireOpen } from './openSteps.ts'
import { ofOpenOperation, standingNote } from './standing.ts'
import { markIncluded, markReorganised, setAttempt, setNonce, setReservations } from './stepStatements.ts'
import { setWaiting } from './waiting.ts'

/** What it took is counted when it is final. */
export interface Inclusion extends Taken {
  readonly blockNumber: string
  readonly blockHash: string
  /** Of a user operation: the transaction that it was included by. */
  readonly transactionHash?: string
  readonly gasUsed: bigint
  readonly confirmations: number
  readonly final: boolean
  /** It was seen in that block before. */
  readonly isKnown?: boolean
  /** What it did worse to the account than was simulated, in words. */
  readonly worse?: string
  /** What it teaches about gas, to be kept when it is final; absent where that is not known. */
  readonly used?: UsedGas
}

/** By which route bytes went out, and what came of it. */
export type Broadcasted = Readonly<Record<string, string>>

type StepChange = Partial<Omit<StepRow, 'id' | 'operation_id' | 'updated_at'>>

/** The transitions of a step. Each is one durable transaction with its audit row. */
export class StepStore {
  readonly #journal: Journal
  readonly #ownerOf: typeof NO_OWNERS

  constructor(journal: Journal, ownerOf = NO_OWNERS) {
    this.#journal = journal
    this.#ownerOf = ownerOf
  }

  /**
   * Records signed bytes before anybody else sees them (R2). When the step has signed bytes already, those are
   * returned and the new ones are forgotten: they must never be sent. The nonce is the step's from here on, if it was
   * not before. Throws `receipt_refused` when the operation has ended meanwhile, `nonce_taken` when the journal knows of
   * another holder, `allowance_in_use`, and `halted`: nothing is recorded then, and the bytes must be forgotten.
   */
  recordAttempt(
    step: StepRow,
    nonce: bigint,
    signed: SignedTransaction,
    documents: Pick<StepRow, 'receipt'>,
  ): Promise<AttemptRow> {
    return this.#journal.transact(async (tx, audit) => {
      const open = await openStep(tx, step.id)
      const unsigned = open && UNSIGNED.has(open.state) ? open : undefined
      const existing = unsigned ? undefined : await liveAttempt(tx, step.id)
      if (existing) return existing
      const { intent_id, wallet, halts } = requireOpen(unsigned, step)
      // Whichever is committed first: what is not in the journal when a halt is, never will be while it holds.
      if (halts > 0) await requireNotHalted(tx, { ...step, wallet }, this.#ownerOf)
      await requireFreeAllowance(tx, step.operation_id, step)
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

  /** `told` is what came of a broadcast; absent when the bytes were merely seen. */
  sent(attempt: AttemptRow, note: string | null = null, told: Broadcasted = {}): Promise<void> {
    return this.#transition(attempt.step_id, fromUnproven, { state: 'sent', note }, async (tx, audit) => {
      await setAttempt(tx, { id: attempt.id, state: 'sent' })
      await setNonce(tx, { stepId: attempt.step_id, state: 'sent', now: this.#journal.now() })
      audit({ event: 'attempt.sent', subject: attempt.step_id, detail: { hash: attempt.hash, ...told } })
    })
  }

  /** Its bytes went out again, `times` since that was last told, and nothing came of it that was not known. */
  resent(attempt: AttemptRow, times: number, told: Broadcasted): Promise<void> {
    return this.#journal.transact(async (_tx, audit) => {
      audit({ event: 'attempt.resent', subject: attempt.step_id, detail: { times, ...told } })
    })
  }

  /** Not proven either way; `note` says what was seen (R14). */
  unknown(stepId: string, note: string, told: Broadcasted = {}): Promise<void> {
    return this.#transition(stepId, fromUnproven, { state: 'unknown', note }, async (tx, audit) => {
      await setWaiting(tx, stepId, 'running')
      audit({ event: 'step.unknown', subject: stepId, detail: { note, ...told } })
    })
  }

  /** Why it could not be signed yet: it is tried again. */
  unsigned(stepId: string, note: string): Promise<void> {
    return this.#transition(stepId, fromUnsigned, { note }, async (_tx, audit) =>
      audit({ event: 'step.unsigned', subject: stepId, detail: { note } }),
    )
  }

  /** What keeps it for too long: its operation is stuck until it moves on, or until that is null. */
  waits(stepId: string, note: string | null): Promise<void> {
    return this.#transition(stepId, fromSent, { note }, async (tx, audit) => {
      const state = note === null ? 'running' : 'stuck'
      await setWaiting(tx, stepId, state)
      audit({ event: `operation.${state}`, subject: stepId, detail: note === null ? {} : { note } })
    })
  }

  /** The same of what nobody is known to have yet. */
  waitsUnproven(stepId: string, note: string): Promise<void> {
    return this.#transition(stepId, fromUnknown, { note }, async (tx, audit) => {
      await setWaiting(tx, stepId, 'stuck')
      audit({ event: 'operation.stuck', subject: stepId, detail: { note } })
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
      ...(inclusion.isKnown ? {} : { included_at: this.#journal.now() }),
      transaction_hash: inclusion.transactionHash ?? null,
      gas_used: inclusion.gasUsed.toString(),
      fee_paid: inclusion.feePaid.toString(),
      confirmations: inclusion.confirmations,
      ended: inclusion.final ? 1 : 0,
    }
    return this.#transition(attempt.step_id, fromFollowed, change, async (tx, audit) => {
      // Exactly one of them counts.
      await markIncluded(tx, { stepId: attempt.step_id, id: attempt.id })
      await setNonce(tx, { stepId: attempt.step_id, state: 'mined', now: this.#journal.now() })
      await setReservations(tx, { stepId: attempt.step_id, state: 'settled' })
      const ending = inclusion.final ? await this.#finish(tx, attempt, inclusion) : undefined
      if (ending === undefined) await setWaiting(tx, attempt.step_id, 'running')
      const detail = {
        hash: attempt.hash,
        block: inclusion.blockHash,
        confirmations: inclusion.confirmations,
        ...(inclusion.worse === undefined ? {} : { worse: inclusion.worse }),
      }
      audit({
        event: ending === undefined ? `step.${state}` : `operation.${ending}`,
        subject: attempt.step_id,
        detail,
      })
    })
  }

  /** It stays as it is included. Answers how its operation ends by that, if it does. */
  async #finish(
    tx: JournalTransaction,
    attempt: AttemptRow,
    inclusion: Inclusion,
  ): Promise<Ending | undefined> {
    const { gasUsed, feePaid, succeeded, used } = inclusion
    const told = {
      gas_used: gasUsed.toString(),
      fee_paid: feePaid.toString(),
      succeeded,
      at: this.#journal.now(),
    }
    if (used) await insertUse(tx, attempt, used, told)
    const alone = succeeded && attempt.kind !== 'cancel' ? 'committed' : 'failed'
    const ending = await endOperation(tx, attempt.step_id, alone)
    await settleTaken(tx, attempt, inclusion)
    return ending
  }

  /** The chain calls the block that included it safe; it is not final yet. */
  safe(attempt: AttemptRow, confirmations: number): Promise<void> {
    const change: StepChange = { state: 'safe', confirmations }
    return this.#transition(attempt.step_id, fromJustIncluded, change, async (_tx, audit) => {
      const detail = { hash: attempt.hash, confirmations }
      audit({ event: 'step.safe', subject: attempt.step_id, detail })
    })
  }

  /**
   * What an approval has allowed could not be taken back yet: a person is told, and it is tried again. What the other
   * steps say stays, above all why the payment did not happen.
   */
  standing(approvalId: string, why: string): Promise<void> {
    const note = standingNote(why)
    return this.#transition(approvalId, ofOpenOperation, { note }, async (tx, audit) => {
      await setWaiting(tx, approvalId, 'stuck')
      audit({ event: 'operation.stuck', subject: approvalId, detail: { note } })
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
      included_at: null,
      transaction_hash: null,
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
    return this.#transition(
      stepId,
      fromUnproven,
      { state: 'replaced', note, ended: 1 },
      async (tx, audit) => {
        await setReservations(tx, { stepId, state: 'released' })
        await dropSpends(tx, stepId)
        await endOperation(tx, stepId, 'failed')
        audit({ event: 'step.replaced', subject: stepId, detail: { note } })
      },
    )
  }

  /**
   * Ends a step that was never signed, and frees its nonce. Returns false, changing nothing, when signed bytes exist,
   * which must be followed instead, or when it has ended. What a signer elsewhere may have signed does not end: it
   * counts as what it may take until its nonce tells (R14), which others may use.
   */
  abandon(stepId: string, note: string): Promise<boolean> {
    return this.#journal.transact(async (tx, audit) => {
      const open = await openStep(tx, stepId)
      if (!open || !UNSIGNED.has(open.state)) return false
      await tx.deleteFrom('nonces').where('step_id', '=', stepId).where('state', '=', 'reserved').execute()
      await setReservations(tx, { stepId, state: 'released' })
      if (open.asked_nonce !== null) {
        await this.#change(tx, stepId, { state: 'unknown', note: astrayNote(note, open.asked_nonce) })
        await setWaiting(tx, stepId, 'stuck')
        audit({ event: 'step.astray', subject: stepId, detail: { note } })
        return true
      }
      await dropSpends(tx, stepId)
      await this.#change(tx, stepId, { state: 'failed', note, ended: 1 })
      await endOperation(tx, stepId, 'failed')
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

/** Changes a step that is in one of these states while neither it nor its operation has ended. */
function moveFrom(states: readonly StepRow['state'][]) {
  return compiledByColumns((db, { id, ...change }) =>
    db
      .updateTable('steps')
      .set(change)
      .where('id', '=', id as string)
      .where('state', 'in', states)
      .where('ended', '=', 0)
      .where((or) => or.exists(openOperation(or))),
  )
}

const fromUnsigned = moveFrom([...UNSIGNED])
const fromUnproven = moveFrom(UNPROVEN)
const fromSent = moveFrom(['sent'])
const fromUnknown = moveFrom(['unknown'])
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
