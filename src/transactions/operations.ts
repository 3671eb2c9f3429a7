import { gweiOf } from '../chains/amounts.ts'
import type { ChainDirectory } from '../chains/directory.ts'
import type { SimulationReceipt } from '../chains/simulationReceipt.ts'
import { BursarError, isBursarError } from '../errors/bursarError.ts'
import type { NonceStore } from '../nonces/nonceStore.ts'
import { pause } from '../primitives/abort.ts'
import type { Caller } from '../primitives/caller.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Logger } from '../primitives/logger.ts'
import type { HaltStore } from '../store/halts.ts'
import type { IntentStore } from '../store/intents.ts'
import type { OperationRecord, OperationStore, Transition } from '../store/operations.ts'
import type { RefusalStore } from '../store/refusals.ts'
import type { IntentRow } from '../store/schema.ts'
import type { WalletBook } from '../wallets/walletBook.ts'
import type { Authorisations } from './approvals/authorisations.ts'
import type { ChainGuard } from './chainGuard.ts'
import type { Beginning, Driver } from './driver.ts'
import type { Leases } from './following/leases.ts'
import type { Judge } from './judging/judge.ts'
import {
  type Matter,
  type Passed,
  passAll,
  rehearsePlan,
  requireNoLookalikes,
  stepOf,
} from './judging/matters.ts'
import { type IntentPlan, intentDigest, isExpired, type Replaced } from './plan.ts'
import type { Lookalikes } from './recipients/lookalikes.ts'
import type { Recipients } from './recipients/recipients.ts'
import { recordingRefusal } from './refusals.ts'
import type { Replacements } from './replacing/replacements.ts'
import { decodeCursor, encodeCursor } from './views/cursor.ts'
import { haltedOperation, waitsForSignature } from './views/haltedViews.ts'
import { operationSummary, operationView } from './views/operationView.ts'
import type { OperationFilter, OperationPage, OperationQuery, OperationView } from './views/views.ts'

export interface OperationDependencies {
  readonly directory: ChainDirectory
  readonly guard: ChainGuard
  readonly wallets: WalletBook
  readonly judge: Judge
  readonly intents: IntentStore
  readonly nonces: Pick<NonceStore, 'ready'>
  readonly operations: OperationStore
  readonly halts: Pick<HaltStore, 'of' | 'require'>
  readonly refusals: Pick<RefusalStore, 'record'>
  readonly replacements: Pick<Replacements, 'sign'>
  readonly approvals: Pick<Authorisations, 'authorise'>
  readonly lookalikes: Lookalikes
  readonly recipients: Recipients
  readonly driver: Driver
  readonly leases: Leases
  readonly clock: Clock
  readonly logger: Logger
  /** How long send_transaction waits for another call's broadcast of the same intent, in milliseconds. */
  readonly othersBroadcastMs?: number | undefined
}

const POLL_MS = 100
const MAX_WAIT_SECONDS = 45
/** An answer of ordinary size: one operation takes some 130 tokens. */
const DEFAULT_PAGE = 7
const OTHERS_BROADCAST_MS = 5_000

/** Executes intents, once each, and tells how operations stand. */
export class Operations {
  readonly #deps: OperationDependencies

  constructor(deps: OperationDependencies) {
    this.#deps = deps
  }

  /**
   * Executes an intent: simulated and judged again on the newest block, reserved, signed, recorded, broadcast. A
   * second call returns the same operation (R3). Where a person has to approve it, that is verified and used up as the
   * operation begins; throws `approval_needed` and `approval_denied`. Until the operation is in the journal the caller may cancel and
   * nothing has happened; from then on it goes on by itself.
   */
  async execute({ intentId }: { intentId: string }, caller: Caller): Promise<OperationView> {
    const { intents, operations } = this.#deps
    const intent = await intents.find(intentId)
    if (!intent || intent.principal !== caller.principal)
      throw new BursarError('intent_unknown', { intentId })
    const executed = await operations.findByIntent(caller.principal, intentId)
    if (executed !== undefined) return this.#settled(executed, caller)
    const plan = JSON.parse(intent.plan) as IntentPlan
    this.#requireFresh(intent, plan)
    if (intentDigest(plan) !== intent.digest) {
      throw new BursarError('intent_changed', { intentId }, { chain: intent.chain })
    }
    const { chain, wallet } = intent
    const asked = { at: 'send', principal: caller.principal, reference: intentId, chain, wallet } as const
    return recordingRefusal(this.#deps.refusals, asked, () => this.#begin(intent, caller))
  }

  async #begin(intent: IntentRow, caller: Caller): Promise<OperationView> {
    const { operations, directory, judge, leases } = this.#deps
    const plan = JSON.parse(intent.plan) as IntentPlan
    await this.#deps.halts.require(intent)
    if (plan.replaces) return this.#replace(intent, plan, plan.replaces, caller)
    const adapter = await directory.adapter(intent.chain)
    const [{ waits, matters }] = await Promise.all([
      rehearsePlan(this.#deps, intent, plan, adapter, caller.signal),
      this.#deps.guard.require(adapter),
      this.#deps.nonces.ready(intent.chain),
      this.#deps.recipients.requireUnmoved(plan.names, adapter.chain, caller.signal),
      this.#deps.wallets.find(intent.account, adapter.chain).signer.ready(),
    ])
    await requireNoLookalikes(this.#deps, matters)
    caller.signal.throwIfAborted()
    const note = waits ? waitingNote(plan, intent) : undefined
    let passed: Passed | undefined
    const authorise = async (transition: Transition) => {
      const need = passed?.approval
      if (need) await this.#deps.approvals.authorise({ intent, plan, need, adapter, caller }, transition)
    }
    const { id, created } = await operations.begin(
      intent,
      leases.take(),
      judge.ask(matters),
      (ledger) => {
        passed = passAll(judge, adapter, matters, ledger)
        return passed.steps.map((step, at) => stepOf(matters[at] as Matter, { ...step, note }))
      },
      { authorise, ...(plan.flags && { chosen: plan.flags }) },
    )
    if (waits) return this.#queued(id, caller)
    if (created) {
      const verdicts = matters.map(({ rehearsal }, position) => {
        return { rehearsal, receipt: (passed as Passed).steps[position]?.receipt as SimulationReceipt }
      })
      await this.#drive(id, { record: created, verdicts })
    }
    return this.#recorded(id, caller)
  }

  /** The address book and what was paid may say something else by now than when it was prepared (T5). */
  /** Nothing is signed before fees fit: the caller need not wait for that here. */
  #queued(id: string, caller: Caller): Promise<OperationView> {
    this.#deps.leases.wake()
    return this.#await(id, caller, 0, () => true)
  }

  async #replace(
    intent: IntentRow,
    plan: IntentPlan,
    replaces: Replaced,
    caller: Caller,
  ): Promise<OperationView> {
    const id = await this.#deps.replacements.sign(intent, plan, replaces, caller.signal)
    await this.#drive(id)
    return this.#recorded(id, caller)
  }

  /** From here on the operation is what counts: what fails now is tried again until it is proven. */
  async #drive(id: string, beginning?: Beginning): Promise<void> {
    await this.#deps.driver.drive(id, beginning).catch((error: unknown) => {
      this.#deps.logger.warn('operation waits', { operation: id, cause: String(error) })
    })
    this.#deps.leases.wake()
  }

  /** The operation is in the journal, and its bytes may be out, whatever keeps us from saying so. */
  #recorded(id: string, caller: Caller): Promise<OperationView> {
    return this.#settled(id, caller).catch((error: unknown) => {
      throw isBursarError(error) ? error.afterTheFact() : error
    })
  }

  /** The operation, after waiting up to 45 s for it to be included or final if asked to. */
  async get(query: OperationQuery, caller: Caller): Promise<OperationView> {
    const id = await this.#deps.operations.findId(caller.principal, query.operation)
    if (id === undefined) throw new BursarError('operation_unknown', { given: query.operation.slice(0, 140) })
    const wait = Math.min(query.waitSeconds ?? 0, MAX_WAIT_SECONDS) * 1000
    const included = (record: OperationRecord) => record.steps.every(({ step }) => INCLUDED.has(step.state))
    const ended = ({ operation }: OperationRecord) =>
      operation.state !== 'running' && operation.state !== 'stuck'
    return this.#await(id, caller, wait, query.until === 'final' ? ended : included)
  }

  async list(filter: OperationFilter, caller: Caller): Promise<OperationPage> {
    const limit = filter.limit ?? DEFAULT_PAGE
    const rows = await this.#deps.operations.list({
      principal: caller.principal,
      limit: limit + 1,
      ...(filter.chain === undefined ? {} : { chain: this.#deps.directory.resolve(filter.chain).id }),
      ...(filter.wallet === undefined ? {} : { wallet: filter.wallet.toLowerCase() }),
      ...(filter.state === undefined ? {} : { state: filter.state }),
      ...(filter.cursor === undefined ? {} : { before: decodeCursor(filter.cursor) }),
    })
    const page = rows.slice(0, limit)
    const operations = await Promise.all(page.map((row) => this.#summary(row.id)))
    const last = rows.length > limit ? page.at(-1) : undefined
    const nextCursor = last ? { nextCursor: encodeCursor({ createdAt: last.created_at, id: last.id }) } : {}
    return { operations, ...nextCursor }
  }

  #requireFresh(intent: IntentRow, plan: IntentPlan): void {
    if (!isExpired(plan, intent.expires_at, this.#deps.clock.now())) return
    const context = { intentId: intent.id, expiredAt: intent.expires_at }
    throw new BursarError('intent_expired', context, { chain: intent.chain })
  }

  /** What send_transaction answers: the operation once its bytes went out, by this call or by another. */
  #settled(id: string, caller: Caller): Promise<OperationView> {
    const { othersBroadcastMs = OTHERS_BROADCAST_MS } = this.#deps
    return this.#await(id, caller, othersBroadcastMs, (record) =>
      record.steps.every(({ step }) => !UNSENT.has(step.state)),
    )
  }

  async #await(
    id: string,
    caller: Caller,
    waitMs: number,
    done: (record: OperationRecord) => boolean,
  ): Promise<OperationView> {
    const until = performance.now() + waitMs
    let shown = ''
    for (;;) {
      const record = await this.#record(id)
      if (done(record) || performance.now() >= until || caller.signal.aborted) {
        const view = operationView(record, this.#deps.directory.resolve(record.operation.chain))
        return waitsForSignature(record)
          ? haltedOperation(view, await this.#deps.halts.of(record.operation))
          : view
      }
      const progress = progressOf(record)
      if (progress !== shown) caller.progress(progress)
      shown = progress
      await pause(POLL_MS, caller.signal)
    }
  }

  async #summary(id: string) {
    const record = await this.#record(id)
    return operationSummary(record, this.#deps.directory.resolve(record.operation.chain))
  }

  async #record(id: string): Promise<OperationRecord> {
    const record = await this.#deps.operations.find(id)
    if (!record) throw new BursarError('operation_unknown', { given: id })
    return record
  }
}

type State = OperationRecord['steps'][number]['step']['state']

const UNSENT: ReadonlySet<State> = new Set(['queued', 'reserved', 'signed'])
const INCLUDED: ReadonlySet<State> = new Set(['included', 'safe', 'reverted', 'final', 'replaced', 'failed'])

function progressOf({ steps }: OperationRecord): string {
  return steps.map(({ step }) => `${step.state}, ${step.confirmations} confirmations`).join('; ')
}

function waitingNote({ terms }: IntentPlan, { expires_at }: IntentRow): string {
  return `it is signed when a block takes ${gweiOf(terms.maxFeePerGas)} gwei per gas, and given up at ${expires_at}`
}
