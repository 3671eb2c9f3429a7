import type { ChainAdapter, ChainDirectory, FeeTerms, Payload, Rehearsal } from '../chains/adapter.ts'
import { fitsNextBlock } from '../chains/feeTerms.ts'
import type { SimulationReceipt } from '../chains/simulationReceipt.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { NonceStore } from '../nonces/nonceStore.ts'
import { unattended } from '../primitives/abort.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Logger } from '../primitives/logger.ts'
import type { IntentStore } from '../store/intents.ts'
import { ENDED, type OperationRecord, type OperationStore } from '../store/operations.ts'
import { unpadNumber } from '../store/paddedNumber.ts'
import type { AttemptRow, StepRow } from '../store/schema.ts'
import type { StepStore } from '../store/steps.ts'
import type { WalletBook } from '../wallets/walletBook.ts'
import type { Broadcaster } from './broadcaster.ts'
import type { ChainGuard } from './chainGuard.ts'
import { followStep, noteDropped } from './follow.ts'
import type { Gaps } from './gaps.ts'
import type { Case, Judge } from './judge.ts'
import { OWN_PRINCIPAL } from './ownPrincipal.ts'
import { pauseBefore } from './pace.ts'
import { asOfRehearsal, caseOf, type IntentPlan, isExpired, leavingAssets } from './plan.ts'
import { postCheck } from './postCheck.ts'
import { reservationsOf } from './preflight.ts'
import { signAtNonce } from './signAtNonce.ts'
import type { StuckTransactions } from './stuckTransactions.ts'

export interface DriverDependencies {
  readonly directory: ChainDirectory
  readonly guard: ChainGuard
  readonly wallets: WalletBook
  readonly judge: Judge
  readonly nonces: NonceStore
  readonly broadcaster: Broadcaster
  readonly stuck: StuckTransactions
  readonly gaps: Gaps
  readonly intents: IntentStore
  readonly operations: OperationStore
  readonly steps: StepStore
  readonly clock: Clock
  readonly logger: Logger
}

/** A simulation and its receipt from moments ago, which save the first drive a second look at the chain. */
export interface FreshVerdict {
  readonly rehearsal: Rehearsal
  readonly receipt: SimulationReceipt
}

/** An operation that was just begun, by this process and under its lease. */
export interface Beginning {
  readonly record: OperationRecord
  readonly verdict: FreshVerdict
}

/** Nobody's request: an operation goes on when the client is gone. Each read is bounded by the transport. */
const UNATTENDED = unattended()

/**
 * Moves operations forward from whatever state the journal says they are in. Any process may do it, twice at
 * once if it must be: every transition is idempotent, and what was signed first is what is sent.
 */
export class Driver {
  readonly #deps: DriverDependencies
  readonly #busy = new Map<string, Promise<number>>()
  /** What this process last sent of an operation, and when. */
  readonly #sent = new Map<string, { readonly attempt: string; readonly at: number }>()

  constructor(deps: DriverDependencies) {
    this.#deps = deps
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
    const open = begun ? openStep(begun)?.step : await this.#deps.operations.openStep(operationId)
    if (open) return pauseBefore(open, this.#deps.directory.resolve(open.chain), this.#deps.clock.now())
    this.#sent.delete(operationId)
    return 0
  }

  async #advance(operationId: string, beginning?: Beginning): Promise<void> {
    const record = beginning?.record ?? (await this.#deps.operations.find(operationId))
    const open = record && openStep(record)
    if (!record || !open) return
    const attempt = open.attempts.find((one) => one.live === 1)
    // Decided without the chain, which may never answer again: what was not signed in time is not signed at all.
    if (!attempt && !beginning && (await this.#expired(record))) {
      return this.#abandon(open.step, 'it was not signed before its intent expired')
    }
    const adapter = await this.#deps.directory.adapter(open.step.chain)
    await this.#requireSameChain(adapter, open.step)
    if (!attempt) return this.#start(record, open.step, adapter, beginning?.verdict)
    if (open.step.state === 'signed') return this.#broadcast(adapter, open.step, attempt)
    const { steps, intents, judge } = this.#deps
    const check = postCheck(intents, judge.policy)
    const seen = await followStep(
      ...([adapter, open.step, open.attempts, attempt] as const),
      { steps, check },
      UNATTENDED,
    )
    let { step } = open
    if (seen.needsSending && this.#maySendAgain(adapter, operationId, attempt)) {
      step = await noteDropped(adapter, open.step, open.attempts, steps, UNATTENDED)
      await this.#broadcast(adapter, step, attempt)
    }
    if (seen.waitsAt === undefined) return
    const { stuck, gaps } = this.#deps
    const { minedCount, waitsAt } = seen
    if (minedCount < unpadNumber(attempt.nonce)) await gaps.look(step, minedCount, waitsAt)
    // What stands in its place now was not sent yet.
    const waiting = { record, step, attempt, head: waitsAt, minedCount }
    if (await stuck.look(adapter, waiting, UNATTENDED)) await this.#advance(operationId)
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

  async #expired({ operation }: OperationRecord): Promise<boolean> {
    const intent = await this.#deps.intents.find(operation.intent_id)
    return !intent || isExpired(parse(intent.plan), intent.expires_at, this.#deps.clock.now())
  }

  /** Simulate and judge (unless that was just done), reserve the nonce, sign, record, broadcast. */
  async #start(
    record: OperationRecord,
    step: StepRow,
    adapter: ChainAdapter,
    verdict?: FreshVerdict,
  ): Promise<void> {
    const order = { payload: parse<Payload>(step.payload), terms: parse<FeeTerms>(step.terms) }
    const judged = verdict ?? (await this.#judgeAgain(record, step, adapter))
    if (!judged) return
    const { receipt, rehearsal } = judged
    const wallet = this.#deps.wallets.find(step.account, adapter.chain)
    const documents = { receipt: JSON.stringify(receipt) }
    const fills = await this.#filledBy(record)
    const sign = (nonce: bigint) => {
      if (fills !== undefined && nonce !== fills) throw new GapFilled()
      return wallet.signer.sign({ ...order, nonce, receipt, head: rehearsal.block }, adapter.codec)
    }
    try {
      const attempt = await signAtNonce(this.#deps, step, rehearsal.minedCount, documents, sign)
      await this.#broadcast(adapter, step, attempt)
    } catch (error) {
      if (!(error instanceof GapFilled)) throw error
      await this.#abandon(step, 'the gap that it was to fill is filled')
    }
  }

  /** The nonce that an operation of Bursar's own is for. */
  async #filledBy({ operation }: OperationRecord): Promise<bigint | undefined> {
    if (operation.principal !== OWN_PRINCIPAL) return undefined
    const intent = await this.#deps.intents.find(operation.intent_id)
    const { fills } = parse<Partial<IntentPlan>>(intent?.plan ?? '{}')
    return fills === undefined ? undefined : BigInt(fills)
  }

  /**
   * After a restart, or a wait for lower fees: the old verdict is stale. A refusal ends the operation, since nothing was
   * signed; while fees do not fit, nothing is decided.
   */
  async #judgeAgain(
    record: OperationRecord,
    step: StepRow,
    adapter: ChainAdapter,
  ): Promise<FreshVerdict | undefined> {
    const intent = await this.#deps.intents.find(record.operation.intent_id)
    if (!intent) throw new TypeError(`operation ${record.operation.id} has no intent`)
    // What will be signed is what the step says.
    const plan: IntentPlan = {
      ...parse<IntentPlan>(intent.plan),
      payload: parse(step.payload),
      terms: parse(step.terms),
    }
    if (plan.waitsForFees && !fitsNextBlock(plan.terms, await adapter.fees(UNATTENDED))) return undefined
    const askedAt = this.#deps.clock.now()
    const leaving = leavingAssets(plan)
    const earlier = await this.#deps.operations.waiting(step.chain, step.account)
    const rehearsal = await adapter.rehearse(plan.payload, plan.terms, leaving, earlier, UNATTENDED)
    const matter = caseOf(plan, record.operation.wallet, { adapter, rehearsal, askedAt })
    let receipt: SimulationReceipt | undefined
    try {
      await this.#deps.operations.readmit(step, asOfRehearsal(rehearsal), (held) => {
        receipt = this.#deps.judge.pass(matter, held).receipt
        return reservationsOf(adapter, matter)
      })
      return receipt && { rehearsal, receipt }
    } catch (error) {
      // What may pass, as a journal that another process holds for a while, decides nothing.
      if (!isBursarError(error) || error.kind === 'provider' || error.kind === 'config') throw error
      // Funds that others hold may come free while the intent lasts.
      if (error.code === 'insufficient_funds' && this.#wouldPass(matter)) throw error
      await this.#abandon(step, error.message)
      return undefined
    }
  }

  /** Whether only what others hold speaks against it. */
  #wouldPass(matter: Case): boolean {
    try {
      this.#deps.judge.pass(matter, new Map())
      return true
    } catch {
      return false
    }
  }

  async #abandon(step: StepRow, note: string): Promise<void> {
    this.#deps.logger.warn('operation abandoned before signing', { operation: step.operation_id, note })
    if (await this.#deps.steps.abandon(step.id, note)) await this.#deps.nonces.release(step)
  }

  async #broadcast(adapter: ChainAdapter, step: StepRow, attempt: AttemptRow): Promise<void> {
    const { raw, hash, account } = attempt
    const receipt = parse<SimulationReceipt>(attempt.receipt)
    this.#sent.set(step.operation_id, { attempt: attempt.id, at: performance.now() })
    const result = await this.#deps.broadcaster.broadcast(adapter, { raw, hash, account, receipt })
    if (result.outcome === 'accepted') {
      if (step.state !== 'sent' || attempt.state !== 'sent') await this.#deps.steps.sent(attempt)
      return
    }
    this.#deps.logger.warn('broadcast without proof', {
      operation: step.operation_id,
      evidence: result.evidence,
    })
    if (step.state === 'unknown') return
    const said = result.reason === undefined ? '' : ` (${result.reason})`
    await this.#deps.steps.unknown(step.id, `${UNPROVEN}${said}`)
  }

  /** Whether the network had time to show bytes that were sent before. */
  #maySendAgain(adapter: ChainAdapter, operationId: string, attempt: AttemptRow): boolean {
    const last = this.#sent.get(operationId)
    const pauseMs = Math.max(adapter.chain.blockTimeMs, MIN_RESEND_MS)
    return last?.attempt !== attempt.id || performance.now() - last.at >= pauseMs
  }
}

/** Another transaction has taken the nonce that this one was made for. */
class GapFilled extends Error {}

const MIN_RESEND_MS = 2_000
const UNPROVEN = 'the network did not confirm that it has the transaction; it is being resolved'

function openStep({ steps }: OperationRecord): OperationRecord['steps'][number] | undefined {
  return steps.find(({ step }) => !ENDED.includes(step.state))
}

function parse<T>(document: string): T {
  return JSON.parse(document) as T
}
