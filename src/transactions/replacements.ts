import type {
  Asset,
  ChainAdapter,
  FeeTerms,
  Outflow,
  Payload,
  Rehearsal,
  Urgency,
} from '../chains/adapter.ts'
import { raisedTerms, withinLimit } from '../chains/feeTerms.ts'
import type { SimulationReceipt } from '../chains/simulationReceipt.ts'
import { BursarError } from '../errors/bursarError.ts'
import type { NonceStore } from '../nonces/nonceStore.ts'
import type { Caller } from '../primitives/caller.ts'
import type { Clock } from '../primitives/clock.ts'
import { newId } from '../primitives/ids.ts'
import { canonicalJson } from '../primitives/json.ts'
import type { IntentStore } from '../store/intents.ts'
import type { OperationRecord, OperationStore } from '../store/operations.ts'
import { unpadNumber } from '../store/paddedNumber.ts'
import type { ReplacementStore } from '../store/replacements.ts'
import type { AttemptRow, IntentRow, StepRow } from '../store/schema.ts'
import type { StepStore } from '../store/steps.ts'
import type { WalletBook } from '../wallets/walletBook.ts'
import type { ChainGuard } from './chainGuard.ts'
import { intentView, replacementView } from './intentView.ts'
import type { Judge } from './judge.ts'
import { OWN_PRINCIPAL } from './ownPrincipal.ts'
import {
  asOfRehearsal,
  caseOf,
  type IntentPlan,
  intentDigest,
  leavingAssets,
  planOf,
  type Replaced,
} from './plan.ts'
import { reservationsOf } from './preflight.ts'
import { requireSameArguments } from './sameArguments.ts'
import { cancelledPlan, endUnsigned, queuedForFees } from './unsignedCancel.ts'
import type { ReplacementView, ReplaceRequest } from './views.ts'

export interface ReplacementDependencies {
  readonly guard: ChainGuard
  readonly wallets: WalletBook
  readonly judge: Judge
  readonly intents: IntentStore
  readonly operations: OperationStore
  readonly replacements: ReplacementStore
  readonly steps: StepStore
  readonly nonces: NonceStore
  readonly directory: { adapter(chain: string): Promise<ChainAdapter> }
  readonly clock: Clock
  readonly ttlSeconds: number
}

/** The bytes that wait at a nonce, and the step that they are for. */
interface Waiting {
  readonly step: StepRow
  readonly attempt: AttemptRow
  readonly nonce: bigint
}

/** What is wished of a transaction that waits, and by whom. */
interface Wish {
  readonly kind: Replaced['kind']
  readonly urgency: Urgency
  readonly idempotencyKey: string
  readonly principal: string
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
  async prepare(request: ReplaceRequest, caller: Caller): Promise<ReplacementView> {
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
    return replacementView(view, replaces)
  }

  /**
   * Speeds up what waits on Bursar's own account, once for each attempt however many processes see it wait. Throws
   * what speaks against it.
   */
  async speedUp(record: OperationRecord, attempt: AttemptRow, signal: AbortSignal): Promise<void> {
    const idempotencyKey = `speed-up ${attempt.id}`
    const wish = { kind: 'speed_up', urgency: 'fast', idempotencyKey, principal: OWN_PRINCIPAL } as const
    const { intent, executedBy } = await this.#prepared(record, wish, signal)
    const plan = JSON.parse(intent.plan) as IntentPlan
    if (executedBy === undefined && plan.replaces) await this.sign(intent, plan, plan.replaces, signal)
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
    const saved = await intents.save({
      id: newId('int'),
      principal,
      idempotency_key: idempotencyKey,
      arguments: args,
      digest: intentDigest(plan.payload, plan.terms),
      chain: operation.chain,
      account: operation.account,
      wallet: operation.wallet,
      plan: JSON.stringify(plan),
      expires_at: new Date(this.#deps.clock.now() + this.#deps.ttlSeconds * 1000).toISOString(),
    })
    requireSameArguments(saved.intent, args)
    if (!queued) return { intent: saved.intent, executedBy: saved.operationId }
    if (await endUnsigned(record, this.#deps)) return { intent: saved.intent, executedBy: operation.id }
    // It was signed at this moment: what cancels it now is another transaction, under the same intent.
    const signed = await operations.find(operation.id)
    return this.#prepared(signed ?? record, wish, signal)
  }

  async #plan(
    record: OperationRecord,
    { kind, urgency }: Wish,
    adapter: ChainAdapter,
    signal: AbortSignal,
  ): Promise<IntentPlan> {
    const { operations, judge, guard, clock } = this.#deps
    const { id, chain, account, wallet } = record.operation
    const waiting = waitingIn(record)
    const askedAt = clock.now()
    const limit = { urgency, maxGasPrice: judge.policy.maxGasPrice }
    const [successor] = await Promise.all([
      this.#successor(waiting, kind, record, adapter, limit, signal),
      guard.require(adapter),
    ])
    const { rehearsal } = successor
    requireUnused(waiting, rehearsal)
    const asOf = asOfRehearsal(rehearsal)
    const held = await operations.held({ chain, account, asOf, except: waiting.step.id })
    const verdict = judge.pass({ adapter, wallet, askedAt, ...successor }, held)
    const replaces = { operationId: id, attemptId: waiting.attempt.id, kind, nonce: `${waiting.nonce}` }
    return planOf({ ...successor, verdict, replaces })
  }

  /**
   * Signs and records a prepared replacement, after simulating and judging it again. What it replaces may be included
   * all the same; either way it is one payment. Answers with the operation, whose driver sends the bytes.
   */
  async sign(intent: IntentRow, plan: IntentPlan, replaces: Replaced, signal: AbortSignal): Promise<string> {
    const { operations, directory, judge, wallets, replacements } = this.#deps
    // Cancelled before it was signed: there is nothing to take the place of.
    if (replaces.nonce === undefined) return replaces.operationId
    const adapter = await directory.adapter(intent.chain)
    const askedAt = this.#deps.clock.now()
    const earlier = await operations.waiting(intent.chain, intent.account, BigInt(replaces.nonce))
    const [rehearsal] = await Promise.all([
      adapter.rehearse(plan.payload, plan.terms, leavingAssets(plan), earlier, signal),
      this.#deps.guard.require(adapter),
    ])
    signal.throwIfAborted()
    const record = await operations.find(replaces.operationId)
    if (!record) throw new TypeError(`intent ${intent.id} replaces what is not in the journal`)
    const { step, attempt, nonce } = waitingIn(record)
    if (attempt.id !== replaces.attemptId)
      throw notReplaceable('another replacement was sent meanwhile', step)
    requireUnused({ step, attempt, nonce }, rehearsal)
    const matter = caseOf(plan, intent.wallet, { adapter, rehearsal, askedAt })
    let receipt: SimulationReceipt | undefined
    await replacements.hold(step, asOfRehearsal(rehearsal), (held) => {
      receipt = judge.pass(matter, held).receipt
      return reservationsOf(adapter, matter)
    })
    if (!receipt) throw new TypeError('what is held was judged')
    const { payload, terms } = plan
    const order = { payload, terms, nonce, receipt, head: rehearsal.block }
    const signed = await wallets.find(step.account, adapter.chain).signer.sign(order, adapter.codec)
    const document = JSON.stringify(receipt)
    const kind = attempt.kind === 'cancel' ? 'cancel' : replaces.kind
    await replacements.record(step, attempt.id, { intent, kind, signed, receipt: document })
    return record.operation.id
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
    const waiting = await adapter.codec.parse(attempt.raw)
    if (kind === 'cancel' || attempt.kind === 'cancel') {
      const draft = adapter.nothing(step.account)
      const planned = await adapter.plan(draft, limit, [], signal)
      const { to, outflow } = draft
      return { ...planned, to, outflow, terms: raisedTerms(waiting.terms, planned.terms) }
    }
    const intent = await this.#deps.intents.find(operation.intent_id)
    if (!intent) throw new TypeError(`operation ${operation.id} has no intent`)
    const { to, signature, outflow, effects } = JSON.parse(intent.plan) as IntentPlan
    const { payload } = waiting
    const terms = raisedTerms(waiting.terms, withinLimit(await adapter.fees(signal), limit))
    const leaving: readonly Asset[] = [outflow, ...effects.filter(({ from }) => from === payload.from)].map(
      ({ asset }) => asset,
    )
    const earlier = await this.#deps.operations.waiting(step.chain, step.account, nonce)
    const rehearsal = await adapter.rehearse(payload, terms, leaving, earlier, signal)
    const meant = { to, outflow: { asset: outflow.asset, raw: BigInt(outflow.raw) } }
    return { payload, terms, rehearsal, ...meant, ...(signature === undefined ? {} : { signature }) }
  }
}

/** The bytes that an operation waits for. Throws `not_replaceable` when there are none. */
function waitingIn({ operation, steps }: OperationRecord): Waiting {
  const last = steps.at(-1)
  if (!last) throw new TypeError(`operation ${operation.id} has no step`)
  const { step, attempts } = last
  if (operation.state === 'committed' || operation.state === 'failed') {
    throw notReplaceable(`its operation has ended as ${operation.state}`, step)
  }
  if (step.included_number !== null) {
    throw notReplaceable(`it is included in block ${unpadNumber(step.included_number)}`, step)
  }
  const attempt = attempts.find(({ live }) => live === 1)
  if (!attempt) throw notReplaceable('it was not signed yet, and may still end by itself', step)
  return { step, attempt, nonce: unpadNumber(attempt.nonce) }
}

function requireUnused({ step, nonce }: Waiting, { minedCount }: Rehearsal): void {
  if (minedCount > nonce) throw notReplaceable(`its nonce ${nonce} is used by now`, step)
}

function notReplaceable(reason: string, { chain }: StepRow): BursarError {
  return new BursarError('not_replaceable', { reason }, { chain })
}
