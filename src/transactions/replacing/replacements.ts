import type {
  ChainAdapter,
  Draft,
  FeeTerms,
  Outflow,
  Payload,
  Planned,
  Rehearsal,
  Urgency,
} from '../../chains/adapter.ts'
import { raisedTerms, withinLimit } from '../../chains/feeTerms.ts'
import type { Route } from '../../chains/routes.ts'
import { routeAt, type SimulationReceipt } from '../../chains/simulationReceipt.ts'
import { BursarError } from '../../errors/bursarError.ts'
import type { NonceStore } from '../../nonces/nonceStore.ts'
import type { Caller } from '../../primitives/caller.ts'
import type { Clock } from '../../primitives/clock.ts'
import { newId } from '../../primitives/ids.ts'
import { canonicalJson } from '../../primitives/json.ts'
import type { HaltStore } from '../../store/halts.ts'
import type { IntentStore } from '../../store/intents.ts'
import type { OperationRecord, OperationStore } from '../../store/operations.ts'
import type { RefusalStore } from '../../store/refusals.ts'
import type { ReplacementStore } from '../../store/replacements.ts'
import type { AttemptRow, IntentRow } from '../../store/schema.ts'
import type { AskedSignatures } from '../../store/steps/askedSignatures.ts'
import type { StepStore } from '../../store/steps/steps.ts'
import type { WalletBook } from '../../wallets/walletBook.ts'
import type { ChainGuard } from '../chainGuard.ts'
import type { Case, Judge } from '../judging/judge.ts'
import { reservationsOf } from '../judging/preflight.ts'
import { OWN_PRINCIPAL } from '../ownPrincipal.ts'
import {
  allowedIn,
  caseOf,
  type IntentPlan,
  intentDigest,
  leavingAssets,
  planOf,
  planOfStep,
  type Replaced,
  type StoredAmount,
  verdictOf,
} from '../plan.ts'
import { requireSameArguments } from '../preparing/sameArguments.ts'
import { recordingRefusal } from '../refusals.ts'
import { signNoted } from '../signing/askedElsewhere.ts'
import { haltedView } from '../views/haltedViews.ts'
import { intentView, replacementView } from '../views/intentView.ts'
import type { ReplacementView, ReplaceRequest } from '../views/views.ts'
import {
  type Choice,
  notReplaceable,
  PICKED,
  requireSamePayload,
  requireUnused,
  type Waiting,
  waitingIn,
} from './replaceable.ts'
import { cancelledPlan, endUnsigned, queuedForFees } from './unsignedCancel.ts'

export interface ReplacementDependencies {
  readonly guard: ChainGuard
  readonly wallets: WalletBook
  readonly judge: Judge
  readonly intents: IntentStore
  readonly operations: OperationStore
  readonly replacements: ReplacementStore
  readonly steps: StepStore
  readonly signatures: AskedSignatures
  readonly nonces: NonceStore
  readonly halts: Pick<HaltStore, 'of' | 'require'>
  readonly refusals: Pick<RefusalStore, 'record'>
  readonly directory: { adapter(chain: string): Promise<ChainAdapter> }
  readonly clock: Clock
  readonly ttlSeconds: number
}

/** What is wished of a transaction that waits, and by whom. */
interface Wish {
  readonly kind: Replaced['kind']
  readonly urgency: Urgency
  readonly idempotencyKey: string
  readonly principal: string
  /** Which one, where the kind does not decide. */
  readonly choice?: Choice
  /** What it is to do from now on; the same as before when absent. */
  readonly instead?: Instead
}

/** What a transaction of Bursar's own does in place of what it was made for, as it was simulated. */
export interface Instead {
  readonly draft: Draft
  readonly planned: Planned
}

interface PreparedIntent {
  readonly intent: IntentRow
  /** The operation in which it was signed before. */
  readonly executedBy: string | undefined
}

/** What is to take the place of bytes that wait. */
interface Successor {
  readonly payload: Payload
  readonly terms: FeeTerms
  readonly rehearsal: Rehearsal
  readonly to: string
  readonly signature?: string
  readonly outflow: Outflow
  readonly route: Route
}

/**
 * Speeds up or cancels what was sent and is not included: other bytes at the same nonce, of which one is included. What
 * waits for lower fees is cancelled without a transaction, when that is asked for.
 */
export class Replacements {
  readonly #deps: ReplacementDependencies

  constructor(deps: ReplacementDependencies) {
    this.#deps = deps
  }

  /** Prepares a replacement as an intent. Nothing moves, and what was sent goes on waiting. */
  prepare(request: ReplaceRequest, caller: Caller): Promise<ReplacementView> {
    const { operation, idempotencyKey: reference } = request
    const asked = {
      at: 'replace',
      principal: caller.principal,
      reference,
      chain: '',
      wallet: operation,
    } as const
    return recordingRefusal(this.#deps.refusals, asked, () => this.#prepare(request, caller))
  }

  async #prepare(request: ReplaceRequest, caller: Caller): Promise<ReplacementView> {
    const { operations, directory, wallets } = this.#deps
    const operationId = await operations.findId(caller.principal, request.operation)
    const record = operationId === undefined ? undefined : await operations.find(operationId)
    if (!record) throw new BursarError('operation_unknown', { given: request.operation.slice(0, 140) })
    const { kind, urgency = 'fast', idempotencyKey } = request
    const wish = { kind, urgency, idempotencyKey, principal: caller.principal }
    const { intent, executedBy } = await this.#prepared(record, wish, caller.signal)
    const adapter = await directory.adapter(intent.chain)
    const { replaces } = JSON.parse(intent.plan) as IntentPlan
    if (!replaces) throw new TypeError(`intent ${intent.id} replaces nothing`)
    const wallet = wallets.find(intent.account, adapter.chain)
    const view = intentView(intent, adapter, wallet, executedBy, this.#deps.clock.now())
    const halt = await this.#deps.halts.of(intent)
    return haltedView(replacementView(view, replaces), halt)
  }

  /**
   * Speeds up what waits on Bursar's own account, once for each attempt however many processes see it wait. Throws
   * what speaks against it.
   */
  async speedUp(record: OperationRecord, attempt: AttemptRow, signal: AbortSignal): Promise<void> {
    const idempotencyKey = `speed-up ${attempt.id}`
    const choice: Choice = (all) => all.find((one) => one.attempt.id === attempt.id)
    const wish = {
      kind: 'speed_up',
      urgency: 'fast',
      idempotencyKey,
      principal: OWN_PRINCIPAL,
      choice,
    } as const
    const { intent, executedBy } = await this.#prepared(record, wish, signal)
    const plan = JSON.parse(intent.plan) as IntentPlan
    if (executedBy === undefined && plan.replaces) await this.sign(intent, plan, plan.replaces, signal)
  }

  /**
   * Prepares that a transaction of Bursar's own which waits does something else at its nonce, once for each key. Answers
   * with the id of the intent, whose execution signs it.
   */
  async prepareInstead(
    record: OperationRecord,
    attempt: AttemptRow,
    { idempotencyKey, instead }: Pick<Wish, 'idempotencyKey'> & { readonly instead: Instead },
    signal: AbortSignal,
  ): Promise<string> {
    const choice: Choice = (all) => all.find((one) => one.attempt.id === attempt.id)
    const whose = { principal: OWN_PRINCIPAL, idempotencyKey, choice, instead }
    const { intent } = await this.#prepared(record, { kind: 'speed_up', urgency: 'fast', ...whose }, signal)
    return intent.id
  }

  /** Ends what was begun to bring an operation that was replaced, unless it was signed: whether it has ended. */
  giveUp(record: OperationRecord): Promise<boolean> {
    return endUnsigned(record, this.#deps, 'what it was to bring was replaced before it was signed')
  }

  /** The intent that a wish stands for, prepared now unless it was executed before (R3). */
  async #prepared(record: OperationRecord, wish: Wish, signal: AbortSignal): Promise<PreparedIntent> {
    const { operations, intents, directory } = this.#deps
    const { operation } = record
    const { kind, urgency, idempotencyKey, principal } = wish
    const args = canonicalJson({ operation: operation.id, kind, urgency })
    const known = await intents.findByKey(principal, idempotencyKey)
    if (known) {
      requireSameArguments(known, args)
      const executedBy = await operations.findByIntent(principal, known.id)
      if (executedBy !== undefined) return { intent: known, executedBy }
    }
    const adapter = await directory.adapter(operation.chain)
    const queued = kind === 'cancel' ? await queuedForFees(record, intents) : undefined
    const plan = queued
      ? cancelledPlan(queued, operation.id, adapter.native)
      : await this.#plan(record, wish, adapter, signal)
    const saved = await intents.save(
      {
        id: newId('int'),
        principal,
        idempotency_key: idempotencyKey,
        arguments: args,
        digest: intentDigest(plan),
        chain: operation.chain,
        account: operation.account,
        wallet: operation.wallet,
        plan: JSON.stringify(plan),
        expires_at: new Date(this.#deps.clock.now() + this.#deps.ttlSeconds * 1000).toISOString(),
      },
      queued ? {} : verdictOf(plan),
    )
    requireSameArguments(saved.intent, args)
    if (!queued) return { intent: saved.intent, executedBy: saved.operationId }
    if (await endUnsigned(record, this.#deps)) return { intent: saved.intent, executedBy: operation.id }
    // It was signed at this moment: what cancels it now is another transaction, under the same intent.
    const signed = await operations.find(operation.id)
    return this.#prepared(signed ?? record, wish, signal)
  }

  async #plan(
    record: OperationRecord,
    { kind, urgency, choice = PICKED[kind], instead }: Wish,
    adapter: ChainAdapter,
    signal: AbortSignal,
  ): Promise<IntentPlan> {
    const { operations, judge, guard, clock } = this.#deps
    const { id, chain, account, wallet, principal } = record.operation
    const waiting = waitingIn(record, choice)
    const askedAt = clock.now()
    const limit = { urgency, maxGasPrice: judge.policy.maxGasPrice }
    const [successor] = await Promise.all([
      instead
        ? successorBy(instead, await adapter.codec.parse(waiting.attempt.raw))
        : this.#successor(waiting, kind, record, adapter, limit, signal),
      guard.require(adapter),
    ])
    const { rehearsal } = successor
    requireUnused(waiting, rehearsal)
    const known = await this.#knownOf(record, waiting, kind)
    const matter = { adapter, askedAt, wallet, principal, ...known, ...successor }
    const except = waiting.step.id
    const ledger = await operations.ledger({ chain, account, except, ...judge.ask([matter]) })
    const verdict = judge.pass(matter, ledger)
    const replaces = { operationId: id, attemptId: waiting.attempt.id, kind, nonce: `${waiting.nonce}` }
    const { route } = successor
    const whole = planOf({ ...successor, verdict })
    // What comes in for bringing a user operation follows the price of its block: nothing of it is expected.
    const isOwn = principal === OWN_PRINCIPAL
    const effects = isOwn ? whole.effects.filter(({ from }) => from === account) : whole.effects
    return { ...whole, effects, replaces, ...(route === 'private' && { route }) }
  }

  /**
   * Signs and records a prepared replacement, after simulating and judging it again. What it replaces may be included
   * all the same; either way it is one payment. Answers with the operation, whose driver sends the bytes.
   */
  async sign(intent: IntentRow, plan: IntentPlan, replaces: Replaced, signal: AbortSignal): Promise<string> {
    const { operations, directory, judge, wallets, replacements } = this.#deps
    // Cancelled before it was signed: there is nothing to take the place of.
    if (replaces.nonce === undefined) return replaces.operationId
    await this.#deps.halts.require(intent)
    const adapter = await directory.adapter(intent.chain)
    const askedAt = this.#deps.clock.now()
    const earlier = await operations.waiting(intent.chain, intent.account, BigInt(replaces.nonce))
    const [rehearsal] = await Promise.all([
      adapter.rehearse(plan.payload, plan.terms, leavingAssets(plan), earlier, signal),
      this.#deps.guard.require(adapter),
      wallets.find(intent.account, adapter.chain).signer.ready(),
    ])
    signal.throwIfAborted()
    const record = await operations.find(replaces.operationId)
    if (!record) throw new TypeError(`intent ${intent.id} replaces what is not in the journal`)
    const replaced = BigInt(replaces.nonce)
    const { step, attempt, nonce } = waitingIn(record, (all) => all.find((one) => one.nonce === replaced))
    if (attempt.id !== replaces.attemptId)
      throw notReplaceable('another replacement was sent meanwhile', step)
    requireUnused({ step, attempt, nonce }, rehearsal)
    const { wallet, principal } = record.operation
    const known = await this.#knownOf(record, { step, attempt }, replaces.kind)
    const matter = { ...caseOf(plan, { wallet, principal }, { adapter, rehearsal, askedAt }), ...known }
    let receipt: SimulationReceipt | undefined
    await replacements.hold(step, judge.ask([matter]), (ledger) => {
      const verdict = judge.pass(matter, ledger)
      if (verdict.approval) requireSamePayload(plan, step)
      receipt = verdict.receipt
      return { reservations: reservationsOf(adapter, matter), counted: verdict.counted }
    })
    if (!receipt) throw new TypeError('what is held was judged')
    const { payload, terms } = plan
    const order = { payload, terms, nonce, receipt, head: rehearsal.block }
    await this.#deps.halts.require(intent)
    const { signer } = wallets.find(step.account, adapter.chain)
    const sign = () => signer.sign(order, adapter.codec)
    const signed = await signNoted(this.#deps.signatures, signer, step, nonce, sign)
    const document = JSON.stringify(receipt)
    const kind = attempt.kind === 'cancel' ? 'cancel' : replaces.kind
    await replacements.record(step, attempt.id, { intent, kind, signed, receipt: document })
    return record.operation.id
  }

  /** What is known of the step that is to be replaced: what its approvals count for, and whether it gives nothing away. */
  async #knownOf(
    { operation }: OperationRecord,
    { step, attempt }: Pick<Waiting, 'step' | 'attempt'>,
    kind: Replaced['kind'],
  ): Promise<Pick<Case, 'allowedBefore' | 'isProtective'>> {
    const intent = await this.#deps.intents.find(operation.intent_id)
    const { first } = JSON.parse(intent?.plan ?? '{}') as Partial<IntentPlan>
    const isProtective =
      [kind, attempt.kind].includes('cancel') || step.role === 'undo' || operation.principal === OWN_PRINCIPAL
    return {
      ...(first && step.role === 'pivot' && { allowedBefore: allowedIn(first) }),
      ...(isProtective && { isProtective }),
    }
  }

  /** The same payload again, or one that moves nothing; fees as they must be to take the other's place. */
  async #successor(
    { step, attempt, nonce }: Waiting,
    kind: Replaced['kind'],
    { operation }: OperationRecord,
    adapter: ChainAdapter,
    limit: Parameters<typeof withinLimit>[1],
    signal: AbortSignal,
  ): Promise<Successor> {
    const { operations } = this.#deps
    const waiting = await adapter.codec.parse(attempt.raw)
    if (kind === 'cancel' || attempt.kind === 'cancel') {
      const draft = adapter.nothing(step.account)
      // A contract account is there when what comes before has deployed it.
      const isAccount = adapter.codec.entryPoint(waiting.payload) !== undefined
      const before = isAccount ? await operations.waiting(step.chain, step.account, nonce) : []
      return successorBy({ draft, planned: await adapter.plan(draft, limit, before, signal) }, waiting)
    }
    const intent = await this.#deps.intents.find(operation.intent_id)
    if (!intent) throw new TypeError(`operation ${operation.id} has no intent`)
    const planned = planOfStep(JSON.parse(intent.plan) as IntentPlan, step)
    const outflow = JSON.parse(step.outflow) as StoredAmount
    const { payload } = waiting
    const terms = raisedTerms(waiting.terms, withinLimit(await adapter.fees(signal), limit))
    const leaving = planned ? leavingAssets(planned) : []
    const earlier = await operations.waiting(step.chain, step.account, nonce)
    const rehearsal = await adapter.rehearse(payload, terms, leaving, earlier, signal)
    const meant = { to: step.recipient, outflow: { asset: outflow.asset, raw: BigInt(outflow.raw) } }
    const signature = planned?.signature
    const receipt = JSON.parse(attempt.receipt) as SimulationReceipt
    const route = routeAt(receipt, BigInt(rehearsal.block.number))
    return { payload, terms, rehearsal, route, ...meant, ...(signature === undefined ? {} : { signature }) }
  }
}

/** What does something else in place of bytes that wait. */
function successorBy({ draft, planned }: Instead, { terms }: { readonly terms: FeeTerms }): Successor {
  const { to, outflow } = draft
  // It tells nothing of what it takes back, and everybody who builds blocks should know it.
  return { ...planned, to, outflow, route: 'public', terms: raisedTerms(terms, planned.terms) }
}
