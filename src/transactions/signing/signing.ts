import type { ChainAdapter, FeeTerms, Payload, Rehearsal } from '../../chains/adapter.ts'
import { fitsNextBlock } from '../../chains/feeTerms.ts'
import type { SimulationReceipt } from '../../chains/simulationReceipt.ts'
import { type BursarError, isBursarError } from '../../errors/bursarError.ts'
import type { ErrorCode } from '../../errors/catalogue.ts'
import type { NonceStore } from '../../nonces/nonceStore.ts'
import type { NeededApproval } from '../../policy/neededApproval.ts'
import { unattended } from '../../primitives/abort.ts'
import type { Clock } from '../../primitives/clock.ts'
import type { Logger } from '../../primitives/logger.ts'
import { unpadNumber } from '../../store/database/paddedNumber.ts'
import type { HaltStore } from '../../store/halts.ts'
import type { IntentStore } from '../../store/intents.ts'
import type { OperationRecord, OperationStore } from '../../store/operations.ts'
import type { AttemptRow, IntentRow, StepRow } from '../../store/schema.ts'
import type { Ledger } from '../../store/spending/reservations.ts'
import type { AskedSignatures } from '../../store/steps/askedSignatures.ts'
import type { StepStore } from '../../store/steps/steps.ts'
import type { WalletBook } from '../../wallets/walletBook.ts'
import type { Authorisations } from '../approvals/authorisations.ts'
import { isAstray } from '../following/astray.ts'
import type { Case, Judge } from '../judging/judge.ts'
import { reservationsOf } from '../judging/preflight.ts'
import { OWN_PRINCIPAL } from '../ownPrincipal.ts'
import { caseOfStep, type IntentPlan, isExpired, leavingAssets, planOfStep } from '../plan.ts'
import type { Lookalikes } from '../recipients/lookalikes.ts'
import { partiesOf } from '../recipients/parties.ts'
import type { Recipients } from '../recipients/recipients.ts'
import { signNoted } from './askedElsewhere.ts'
import { signAtNonce } from './signAtNonce.ts'

export interface SigningDependencies {
  readonly wallets: WalletBook
  readonly judge: Judge
  readonly nonces: NonceStore
  readonly intents: IntentStore
  readonly approvals: Pick<Authorisations, 'covers'>
  readonly lookalikes: Lookalikes
  readonly recipients: Recipients
  readonly operations: OperationStore
  readonly steps: StepStore
  readonly signatures: AskedSignatures
  readonly halts: Pick<HaltStore, 'of'>
  readonly clock: Clock
  readonly logger: Logger
}

/** A simulation and its receipt from moments ago, which save a second look at the chain. */
export interface FreshVerdict {
  readonly rehearsal: Rehearsal
  readonly receipt: SimulationReceipt
}

/** Why a step was not signed: it was given up, or its time has not come. */
export type Unsigned = 'ended' | 'waits'

/** Nobody's request: an operation goes on when the client is gone. Each read is bounded by the transport. */
const UNATTENDED = unattended()

/** Signs steps that the journal has no bytes of, or gives them up. */
export class Signing {
  readonly #deps: SigningDependencies

  constructor(deps: SigningDependencies) {
    this.#deps = deps
  }

  /**
   * What is decided without the chain, which may never answer again: a step that may not be signed any more is given up,
   * and one waits until the network has those before it. Undefined when it may be signed now.
   */
  async decided(record: OperationRecord, step: StepRow): Promise<Unsigned | undefined> {
    const obstacle = await this.#obstacle(record, step)
    if (obstacle !== undefined) return this.#abandon(step, obstacle)
    if (await this.#isHalted(record)) return 'waits'
    const earlier = record.steps.slice(0, step.position)
    // What takes an approval back does so whatever became of the payment, and may settle that by its nonce.
    const isBefore = (one: (typeof earlier)[number]) =>
      one.step.ended === 0 && !PROVEN.has(one.step.state) && !(step.role === 'undo' && isAstray(one))
    return earlier.some(isBefore) ? 'waits' : undefined
  }

  /** Simulates and judges (unless that was just done), reserves the nonce, signs and records: bytes that are to be sent. */
  async sign(
    record: OperationRecord,
    step: StepRow,
    adapter: ChainAdapter,
    verdict?: FreshVerdict,
  ): Promise<AttemptRow | Unsigned> {
    const order = { payload: parse<Payload>(step.payload), terms: parse<FeeTerms>(step.terms) }
    const judged = verdict ?? (await this.#judgeAgain(record, step, adapter))
    if (judged === 'ended' || judged === 'waits') return judged
    const { receipt, rehearsal } = judged
    // The key is not asked to sign what would not be recorded: a signer elsewhere keeps what it gave out.
    if (await this.#isHalted(record)) return 'waits'
    const wallet = this.#deps.wallets.find(step.account, adapter.chain)
    const documents = { receipt: JSON.stringify(receipt) }
    const fills = await this.#filledBy(record)
    // Before anything is reserved: a wallet that is locked takes no nonce.
    await wallet.signer.ready()
    const { nonces, steps, signatures } = this.#deps
    const work = { nonces, steps, ...(wallet.signer.made === 'elsewhere' && { elsewhere: signatures }) }
    const sign = (nonce: bigint) => {
      if (fills !== undefined && nonce !== fills) throw new GapFilled()
      const whole = { ...order, nonce, receipt, head: rehearsal.block }
      return signNoted(signatures, wallet.signer, step, nonce, () => wallet.signer.sign(whole, adapter.codec))
    }
    try {
      return await signAtNonce(work, step, await this.#floor(step, rehearsal), documents, sign)
    } catch (error) {
      return this.#unsigned(step, error)
    }
  }

  async #unsigned(step: StepRow, error: unknown): Promise<Unsigned> {
    if (isBursarError(error, 'halted')) return 'waits'
    if (error instanceof GapFilled) return this.#abandon(step, 'the gap that it was to fill is filled')
    if (isBursarError(error) && FINAL_REFUSALS.has(error.code)) return this.#abandon(step, error.message)
    if (isBursarError(error, 'signer_unreachable') && step.note !== error.message)
      await this.#deps.steps.unsigned(step.id, error.message)
    throw error
  }

  async #isHalted({ operation }: OperationRecord): Promise<boolean> {
    return (await this.#deps.halts.of(operation)) !== undefined
  }

  /** Why a step must not be signed any more; what takes an approval back may be at any time. */
  async #obstacle({ operation, steps }: OperationRecord, step: StepRow): Promise<string | undefined> {
    if (step.role === 'undo') return undefined
    const others = steps.map((one) => one.step).filter(({ id }) => id !== step.id)
    const failed = others.find(({ ended, state }) => ended === 1 && state !== 'final')
    if (failed)
      return failed.role === 'pivot' ? 'what it was for did not happen' : 'what it needs did not happen'
    const intent = await this.#deps.intents.find(operation.intent_id)
    const { clock } = this.#deps
    const expired = !intent || isExpired(parse(intent.plan), intent.expires_at, clock.now())
    return expired ? 'it was not signed before its intent expired' : undefined
  }

  /**
   * The lowest nonce that a step may have: what comes before it in its operation is to be mined before it, and another
   * payment may have given a lower one back meanwhile. What nobody takes of those is filled (src/transactions/recovering/gaps.ts).
   */
  async #floor(step: StepRow, { minedCount }: Rehearsal): Promise<bigint> {
    if (step.position === 0) return minedCount
    const record = await this.#deps.operations.find(step.operation_id)
    const earlier = record?.steps.slice(0, step.position).flatMap(({ attempts }) => attempts) ?? []
    return earlier.reduce((floor, { nonce }) => {
      const after = unpadNumber(nonce) + 1n
      return floor < after ? after : floor
    }, minedCount)
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
  ): Promise<FreshVerdict | Unsigned> {
    const intent = await this.#deps.intents.find(record.operation.intent_id)
    if (!intent) throw new TypeError(`operation ${record.operation.id} has no intent`)
    const plan = parse<IntentPlan>(intent.plan)
    const { payload, terms } = { payload: parse<Payload>(step.payload), terms: parse<FeeTerms>(step.terms) }
    if (plan.waitsForFees && step.role !== 'undo' && !fitsNextBlock(terms, await adapter.fees(UNATTENDED)))
      return 'waits'
    const askedAt = this.#deps.clock.now()
    const planned = planOfStep(plan, step)
    const earlier = await this.#deps.operations.waiting(step.chain, step.account)
    const rehearsal = await adapter.rehearse(
      ...([payload, terms, planned ? leavingAssets(planned) : [], earlier, UNATTENDED] as const),
    )
    const matter = caseOfStep(plan, step, record.operation, { adapter, rehearsal, askedAt })
    let receipt: SimulationReceipt | undefined
    let known: Ledger | undefined
    let need: NeededApproval | undefined
    try {
      await this.#requireRecipients(plan, step, adapter, matter)
      await this.#deps.operations.readmit(step, this.#deps.judge.ask([matter]), (ledger) => {
        known = ledger
        const verdict = this.#deps.judge.pass(matter, ledger)
        receipt = verdict.receipt
        need = verdict.approval
        return { reservations: reservationsOf(adapter, matter), counted: verdict.counted }
      })
      if (await this.#lacksApproval(record, intent, need))
        return this.#abandon(step, 'a person has to approve it, and it was begun without that')
      return receipt ? { rehearsal, receipt } : 'waits'
    } catch (error) {
      // At another hour, or when a window has passed, it may be signed, until its intent expires.
      if (isBursarError(error, 'policy_denied') && error.context.later) return 'waits'
      return this.#abandon(step, this.#refusalIn(error, matter, known).message)
    }
  }

  /** What ends a step that was not signed; what may pass decides nothing and is thrown again. */
  #refusalIn(error: unknown, matter: Case, known: Ledger | undefined): BursarError {
    // As a journal that another process holds for a while.
    if (!isBursarError(error) || error.kind === 'provider' || error.kind === 'config') throw error
    if (error.code === 'allowance_in_use') throw error
    // Funds that others hold may come free while the intent lasts.
    if (error.code === 'insufficient_funds' && known && this.#wouldPass(matter, known)) throw error
    return error
  }

  /** Whether it may not be signed without a person's approval, and was begun without one. */
  async #lacksApproval(
    { operation }: OperationRecord,
    intent: IntentRow,
    need: NeededApproval | undefined,
  ): Promise<boolean> {
    return need !== undefined && !(await this.#deps.approvals.covers(operation.id, intent, need))
  }

  /** The names still lead there, and nobody of these looks like somebody else (T5, T9). */
  async #requireRecipients(
    plan: IntentPlan,
    step: StepRow,
    adapter: ChainAdapter,
    matter: Case,
  ): Promise<void> {
    // What takes an approval back pays nobody.
    if (step.role === 'undo') return
    const { lookalikes, recipients, wallets } = this.#deps
    const { chain } = adapter
    const { effects, commanded } = matter.rehearsal.outcome
    const meant = [step.recipient, ...(planOfStep(plan, step)?.batch?.payees ?? [])]
    await recipients.requireUnmoved(plan.names, chain, UNATTENDED)
    const parties = partiesOf(step.account, meant, effects, commanded)
    await lookalikes.requireNone(parties, wallets.on(chain), chain.id)
  }

  /** Whether only what others hold speaks against it. */
  #wouldPass(matter: Case, { policy, spent }: Ledger): boolean {
    try {
      this.#deps.judge.pass(matter, { policy, held: new Map(), spent })
      return true
    } catch {
      return false
    }
  }

  async #abandon(step: StepRow, note: string): Promise<'ended'> {
    this.#deps.logger.warn('operation abandoned before signing', { operation: step.operation_id, note })
    if (await this.#deps.steps.abandon(step.id, note)) await this.#deps.nonces.release(step)
    return 'ended'
  }
}

/** The network has, or had, what was sent. */
const PROVEN: ReadonlySet<StepRow['state']> = new Set(['sent', 'included', 'safe'])

/** What a signer elsewhere answers with that asking again does not change, or must not (R2). */
const FINAL_REFUSALS: ReadonlySet<string> = new Set([
  'signer_refused',
  'signer_mismatch',
  'signature_astray',
] satisfies ErrorCode[])

/** Another transaction has taken the nonce that this one was made for. */
class GapFilled extends Error {}

function parse<T>(document: string): T {
  return JSON.parse(document) as T
}
