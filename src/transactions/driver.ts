import type { ChainAdapter } from '../chains/adapter.ts'
import type { ChainDirectory } from '../chains/directory.ts'
import { isBursarError } from '../errors/bursarError.ts'
import { unattended } from '../primitives/abort.ts'
import { unpadNumber } from '../store/database/paddedNumber.ts'
import type { OperationRecord } from '../store/operations.ts'
import type { AttemptRow, StepRow } from '../store/schema.ts'
import type { ChainGuard } from './chainGuard.ts'
import { followAstray, isAstray } from './following/astray.ts'
import { followStep, noteDropped } from './following/follow.ts'
import { pauseBefore } from './following/pace.ts'
import { postCheck } from './following/postCheck.ts'
import type { Compensation } from './recovering/compensation.ts'
import type { Gaps } from './recovering/gaps.ts'
import type { StuckTransactions } from './replacing/stuckTransactions.ts'
import type { Sends } from './sending/sends.ts'
import { type FreshVerdict, Signing, type SigningDependencies, type Unsigned } from './signing/signing.ts'

export interface DriverDependencies extends SigningDependencies {
  readonly directory: ChainDirectory
  readonly guard: ChainGuard
  readonly sends: Sends
  readonly stuck: StuckTransactions
  readonly gaps: Gaps
  readonly compensation: Compensation
}

/** An operation that was just begun, by this process and under its lease. */
export interface Beginning {
  readonly record: OperationRecord
  /** One for each step. */
  readonly verdicts: readonly FreshVerdict[]
}

/** Nobody's request: an operation goes on when the client is gone. Each read is bounded by the transport. */
const UNATTENDED = unattended()

/**
 * Moves operations forward from whatever state the journal says they are in. Any process may do it, twice at
 * once if it must be: every transition is idempotent, and what was signed first is what is sent.
 */
export class Driver {
  readonly #deps: DriverDependencies
  readonly #signing: Signing
  readonly #busy = new Map<string, Promise<number>>()

  constructor(deps: DriverDependencies) {
    this.#deps = deps
    this.#signing = new Signing(deps)
  }

  /**
   * Advances one operation as far as it goes now; one drive at a time within a process. Answers how many
   * milliseconds from now it may have come further. What was begun a moment ago need not be read again.
   */
  drive(operationId: string, beginning?: Beginning): Promise<number> {
    const running = this.#busy.get(operationId)
    if (running) return running
    const drive = this.#advance(operationId, beginning)
      .then(() => this.#pauseBefore(operationId, beginning?.record))
      .finally(() => this.#busy.delete(operationId))
    this.#busy.set(operationId, drive)
    return drive
  }

  /** Resolves when nothing is being driven. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#busy.values())
  }

  /** What has just `begun` is not read again: nothing more is to be expected of it than when it began. */
  async #pauseBefore(operationId: string, begun: OperationRecord | undefined): Promise<number> {
    const open = begun ? begun.steps[0]?.step : await this.#deps.operations.openStep(operationId)
    if (open) return pauseBefore(open, this.#deps.directory.resolve(open.chain), this.#deps.clock.now())
    this.#deps.sends.forget(operationId)
    return NOTHING_OPEN_MS
  }

  async #advance(operationId: string, beginning?: Beginning): Promise<void> {
    const record = beginning?.record ?? (await this.#deps.operations.find(operationId))
    if (!record) return
    for (const one of record.steps.filter(({ step }) => step.ended === 0)) {
      const moved = await this.#move(record, one, beginning?.verdicts[one.step.position])
      if (moved === 'again') return this.#advance(operationId)
      if (moved === 'waits') return
    }
    if (record.steps.length > 1 && beginning === undefined) await this.#compensate(operationId)
  }

  /** Moves one step: `again` when the operation has to be looked at anew, `waits` when nothing after it may be begun. */
  async #move(
    record: OperationRecord,
    one: Recorded,
    verdict: FreshVerdict | undefined,
  ): Promise<'done' | 'again' | 'waits'> {
    const attempt = one.attempts.find(({ live }) => live === 1)
    if (attempt) return (await this.#follow(record, one, attempt)) ? 'again' : 'done'
    if (isAstray(one)) {
      await this.#seek(record, one)
      return 'done'
    }
    const begun = await this.#begin(record, one.step, verdict)
    // Another one is made at the next drive: who refused this one may refuse every one.
    if (begun === 'ended' && one.step.role === 'undo') return 'waits'
    // Without it, what comes before or after it is given up as well.
    if (begun === 'ended') return record.steps.length > 1 ? 'again' : 'done'
    return begun === 'sent' ? 'done' : 'waits'
  }

  /** What was allowed for a payment that did not happen is taken back. */
  async #compensate(operationId: string): Promise<void> {
    const record = await this.#deps.operations.find(operationId)
    const isOpen = record?.operation.state === 'running' || record?.operation.state === 'stuck'
    if (!record || !isOpen || !leavesApproval(record)) return
    if (await this.#deps.compensation.begin(record, UNATTENDED)) await this.#advance(operationId)
  }

  /** Looks for what a signer elsewhere may have given others. */
  async #seek(record: OperationRecord, one: Recorded): Promise<void> {
    const adapter = await this.#deps.directory.adapter(one.step.chain)
    await this.#requireSameChain(adapter, one.step)
    await followAstray(adapter, record, one, this.#following(record), UNATTENDED)
  }

  #following(record: OperationRecord) {
    const { steps, signatures, intents, judge } = this.#deps
    return { steps, signatures, check: postCheck(intents, judge.policy, record) }
  }

  /** Signs and sends a step that was not signed. */
  async #begin(record: OperationRecord, step: StepRow, verdict?: FreshVerdict): Promise<'sent' | Unsigned> {
    const decided = verdict ? undefined : await this.#signing.decided(record, step)
    if (decided) return decided
    const adapter = await this.#deps.directory.adapter(step.chain)
    await this.#requireSameChain(adapter, step)
    const signed = await this.#signing.sign(record, step, adapter, verdict)
    if (signed === 'ended' || signed === 'waits') return signed
    return (await this.#deps.sends.send(adapter, step, signed, [signed])) ? 'sent' : 'waits'
  }

  /** Looks after a step whose bytes are in the journal. Answers whether other bytes stand in their place now. */
  async #follow(
    record: OperationRecord,
    { step, attempts }: Recorded,
    attempt: AttemptRow,
  ): Promise<boolean> {
    const adapter = await this.#deps.directory.adapter(step.chain)
    await this.#requireSameChain(adapter, step)
    const { steps, sends, stuck, gaps } = this.#deps
    // What is withheld may have been handed over by a process that died: it is looked for.
    if (step.state === 'signed' && !(await sends.areWithheld(step, attempt))) {
      await sends.send(adapter, step, attempt, attempts)
      return false
    }
    const seen = await followStep(
      adapter,
      record,
      { step, attempts },
      attempt,
      this.#following(record),
      UNATTENDED,
    )
    let now = step
    if (seen.waitsAt === undefined) return false
    if (seen.needsSending && sends.isDue(adapter, step, attempt, seen.waitsAt)) {
      // What only a relay has is known to nobody else.
      if (sends.isPublic(step, attempt)) now = await noteDropped(adapter, step, attempts, steps, UNATTENDED)
      await sends.send(adapter, now, attempt, attempts)
    }
    const { minedCount, waitsAt } = seen
    if (minedCount < unpadNumber(attempt.nonce)) await gaps.look(now, minedCount, waitsAt)
    // What stands in its place now was not sent yet.
    const waiting = { record, step: now, attempt, head: waitsAt, minedCount }
    return stuck.look(adapter, waiting, UNATTENDED)
  }

  /** Throws `chain_replaced`, and says so where the caller looks: hashes and nonces of another chain prove nothing. */
  async #requireSameChain(adapter: ChainAdapter, step: StepRow): Promise<void> {
    try {
      await this.#deps.guard.require(adapter)
    } catch (error) {
      const replaced = isBursarError(error) && error.code === 'chain_replaced'
      if (replaced && step.note !== error.message) await this.#deps.steps.unknown(step.id, error.message)
      throw error
    }
  }
}

type Recorded = OperationRecord['steps'][number]

/** Whether what was allowed stands, and nothing is under way that uses it or takes it back. */
function leavesApproval({ steps }: OperationRecord): boolean {
  if (steps.some((one) => one.step.ended === 0 && !isAstray(one))) return false
  const final = new Set(steps.filter(({ step }) => step.state === 'final').map(({ step }) => step.role))
  return final.has('approval') && !final.has('pivot') && !final.has('undo')
}

/** It has ended, or what was allowed for it could not be taken back yet. */
const NOTHING_OPEN_MS = 15_000
