import type { Asset, ChainAdapter, FeeTerms, Outflow, Payload, Rehearsal } from '../chains/adapter.ts'
import { raisedTerms, withinLimit } from '../chains/feeTerms.ts'
import type { SimulationReceipt } from '../chains/simulationReceipt.ts'
import { BursarError } from '../errors/bursarError.ts'
import type { Caller } from '../primitives/caller.ts'
import type { Clock } from '../primitives/clock.ts'
import { newId } from '../primitives/ids.ts'
import { canonicalJson } from '../primitives/json.ts'
import type { IntentStore } from '../store/intents.ts'
import type { OperationRecord, OperationStore } from '../store/operations.ts'
import { unpadNumber } from '../store/paddedNumber.ts'
import type { ReplacementStore } from '../store/replacements.ts'
import type { AttemptRow, IntentRow, StepRow } from '../store/schema.ts'
import type { Wallet, WalletBook } from '../wallets/walletBook.ts'
import type { ChainGuard } from './chainGuard.ts'
import { intentView, replacementView } from './intentView.ts'
import type { Judge } from './judge.ts'
import {
  asOfRehearsal,
  caseOf,
  earlierOf,
  type IntentPlan,
  intentDigest,
  leavingAssets,
  planOf,
  type Replaced,
} from './plan.ts'
import { reservationsOf } from './preflight.ts'
import { requireSameArguments } from './sameArguments.ts'
import type { ReplacementView, ReplaceRequest } from './views.ts'

export interface ReplacementDependencies {
  readonly guard: ChainGuard
  readonly wallets: WalletBook
  readonly judge: Judge
  readonly intents: IntentStore
  readonly operations: OperationStore
  readonly replacements: ReplacementStore
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

/** What is to take the place of bytes that wait. */
interface Successor {
  readonly payload: Payload
  readonly terms: FeeTerms
  readonly rehearsal: Rehearsal
  readonly to: string
  readonly signature?: string
  readonly outflow: Outflow
}

/** Speeds up or cancels what was sent and is not included: other bytes at the same nonce, of which one is included. */
export class Replacements {
  readonly #deps: ReplacementDependencies

  constructor(deps: ReplacementDependencies) {
    this.#deps = deps
  }

  /** Prepares a replacement as an intent. Nothing moves, and what waits goes on waiting. */
  async prepare(request: ReplaceRequest, caller: Caller): Promise<ReplacementView> {
    const { operations, intents, directory, wallets, judge } = this.#deps
    const operationId = await operations.findId(caller.principal, request.operation)
    const record = operationId === undefined ? undefined : await operations.find(operationId)
    if (!record) throw new BursarError('operation_unknown', { given: request.operation.slice(0, 140) })
    const { operation } = record
    const adapter = await directory.adapter(operation.chain)
    const wallet = wallets.find(operation.account, adapter.chain)
    const { kind, urgency = 'fast', idempotencyKey } = request
    const args = canonicalJson({ operation: operation.id, kind, urgency })

    // A key that was executed answers with what was executed, without asking the chain anything (R3).
    const known = await intents.findByKey(caller.principal, idempotencyKey)
    if (known) {
      requireSameArguments(known, args)
      const executed = await operations.findByIntent(caller.principal, known.id)
      if (executed !== undefined) return this.#view(known, adapter, wallet, executed)
    }

    const waiting = waitingIn(record)
    const askedAt = this.#deps.clock.now()
    const limit = { urgency, maxGasPrice: judge.policy.maxGasPrice }
    const [successor] = await Promise.all([
      this.#successor(waiting, kind, record, adapter, limit, caller.signal),
      this.#deps.guard.require(adapter),
    ])
    const { rehearsal } = successor
    requireUnused(waiting, rehearsal)
    const held = await operations.held({
      chain: operation.chain,
      account: operation.account,
      asOf: asOfRehearsal(rehearsal),
      except: waiting.step.id,
    })
    const verdict = judge.pass({ adapter, wallet: wallet.name, askedAt, ...successor }, held)
    const replaces = {
      operationId: operation.id,
      attemptId: waiting.attempt.id,
      kind,
      nonce: `${waiting.nonce}`,
    }
    const plan = planOf({ ...successor, verdict, replaces })
    const saved = await intents.save({
      id: newId('int'),
      principal: caller.principal,
      idempotency_key: idempotencyKey,
      arguments: args,
      digest: intentDigest(plan.payload, plan.terms),
      chain: operation.chain,
      account: operation.account,
      wallet: wallet.name,
      plan: JSON.stringify(plan),
      expires_at: new Date(this.#deps.clock.now() + this.#deps.ttlSeconds * 1000).toISOString(),
    })
    requireSameArguments(saved.intent, args)
    return this.#view(saved.intent, adapter, wallet, saved.operationId)
  }

  /**
   * Signs and records a prepared replacement, after simulating and judging it again. What it replaces may be included
   * all the same; either way it is one payment. Answers with the operation, whose driver sends the bytes.
   */
  async sign(intent: IntentRow, plan: IntentPlan, replaces: Replaced, caller: Caller): Promise<string> {
    const { operations, directory, judge, wallets, replacements } = this.#deps
    const adapter = await directory.adapter(intent.chain)
    const askedAt = this.#deps.clock.now()
    const earlier = await earlierOf(operations, intent.chain, intent.account, BigInt(replaces.nonce))
    const [rehearsal] = await Promise.all([
      adapter.rehearse(plan.payload, plan.terms, leavingAssets(plan), earlier, caller.signal),
      this.#deps.guard.require(adapter),
    ])
    caller.signal.throwIfAborted()
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
    const earlier = await earlierOf(this.#deps.operations, step.chain, step.account, nonce)
    const rehearsal = await adapter.rehearse(payload, terms, leaving, earlier, signal)
    const meant = { to, outflow: { asset: outflow.asset, raw: BigInt(outflow.raw) } }
    return { payload, terms, rehearsal, ...meant, ...(signature === undefined ? {} : { signature }) }
  }

  #view(
    row: IntentRow,
    adapter: ChainAdapter,
    wallet: Wallet,
    operationId: string | undefined,
  ): ReplacementView {
    const { replaces } = JSON.parse(row.plan) as IntentPlan
    if (!replaces) throw new TypeError(`intent ${row.id} replaces nothing`)
    return replacementView(intentView(row, adapter, wallet, operationId, this.#deps.clock.now()), replaces)
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
