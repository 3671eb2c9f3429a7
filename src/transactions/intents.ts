import type { ChainAdapter, Draft, Earlier, Planned } from '../chains/adapter.ts'
import type { ChainDirectory } from '../chains/directory.ts'
import { cappedTerms } from '../chains/feeTerms.ts'
import type { Route } from '../chains/routes.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { type NeededApproval, together } from '../policy/neededApproval.ts'
import type { PaidOut } from '../policy/rules/matter.ts'
import { parseAmount } from '../primitives/amount.ts'
import type { Caller } from '../primitives/caller.ts'
import type { Clock } from '../primitives/clock.ts'
import type { Flags } from '../primitives/flags.ts'
import { newId } from '../primitives/ids.ts'
import { canonicalJson } from '../primitives/json.ts'
import type { ApprovalStore } from '../store/approvals.ts'
import type { HaltStore } from '../store/halts.ts'
import type { IntentStore } from '../store/intents.ts'
import type { Admitted, OperationStore } from '../store/operations.ts'
import type { RefusalStore } from '../store/refusals.ts'
import type { IntentRow } from '../store/schema.ts'
import type { Wallet, WalletBook } from '../wallets/walletBook.ts'
import type { Authorisations } from './approvals/authorisations.ts'
import { planDigestOf } from './approvals/planDigest.ts'
import { waitsForPerson } from './approvals/waitsForPerson.ts'
import type { ChainGuard } from './chainGuard.ts'
import type { Case, Judge, Verdict } from './judging/judge.ts'
import { allowedBy } from './judging/matters.ts'
import type { Meant } from './judging/paymentFindings.ts'
import { ledgerWith, reservationsOf } from './judging/preflight.ts'
import {
  before,
  type FirstStep,
  type IntentPlan,
  intentDigest,
  planOf,
  type StepPlan,
  verdictOf,
} from './plan.ts'
import { chooseOptions, type PaymentOptions, requireSwitchedOn } from './preparing/paymentOptions.ts'
import { type Requested, requestedActions } from './preparing/requestedActions.ts'
import { requireSameArguments } from './preparing/sameArguments.ts'
import type { Lookalikes } from './recipients/lookalikes.ts'
import { meantBy as namedBy, partiesOf } from './recipients/parties.ts'
import type { Recipients, Resolved } from './recipients/recipients.ts'
import { recordingRefusal } from './refusals.ts'
import { haltedView } from './views/haltedViews.ts'
import { intentView } from './views/intentView.ts'
import type { IntentView, PrepareRequest } from './views/views.ts'

export interface IntentDependencies {
  readonly directory: ChainDirectory
  readonly guard: ChainGuard
  readonly wallets: WalletBook
  readonly judge: Judge
  readonly intents: IntentStore
  readonly lookalikes: Lookalikes
  readonly recipients: Recipients
  readonly operations: OperationStore
  readonly approvals: Pick<Authorisations, 'problem'>
  readonly decisions: Pick<ApprovalStore, 'find'>
  readonly halts: Pick<HaltStore, 'of'>
  readonly flags: Flags
  readonly refusals: Pick<RefusalStore, 'record'>
  readonly clock: Clock
  readonly ttlSeconds: number
  /** How long an intent that needs an approval lives at least. */
  readonly approvalTtlSeconds: number
}

/** Prepares payments: resolved, simulated, judged and recorded. Nothing moves. */
export class Intents {
  readonly #deps: IntentDependencies

  constructor(deps: IntentDependencies) {
    this.#deps = deps
  }

  prepare(request: PrepareRequest, caller: Caller): Promise<IntentView> {
    const { chain, wallet, idempotencyKey: reference } = request
    const asked = { at: 'prepare', principal: caller.principal, reference, chain, wallet } as const
    return recordingRefusal(this.#deps.refusals, asked, () => this.#prepare(request, caller))
  }

  async #prepare(request: PrepareRequest, caller: Caller): Promise<IntentView> {
    const { directory, guard, wallets, intents, operations } = this.#deps
    const adapter = await directory.adapter(request.chain)
    const wallet = wallets.find(request.wallet, adapter.chain)
    // What has to be decrypted is by the time that it is executed, which tells what is wrong if it is not.
    wallet.signer.ready().catch(() => undefined)
    const requested = requestedActions(request, adapter, wallets)
    const cap = capOf(request)
    const args = argumentsOf(request, requested, adapter, wallet)

    // A key that was executed answers with what was executed, without asking the chain anything (R3).
    const known = await intents.findByKey(caller.principal, request.idempotencyKey)
    if (known) {
      requireSameArguments(known, args)
      const operationId = await operations.findByIntent(caller.principal, known.id)
      const isKept =
        operationId !== undefined || (await waitsForPerson(this.#deps, known, adapter, caller.signal))
      if (isKept) return this.#view(known, adapter, wallet, operationId)
    }

    const options = await chooseOptions(this.#deps.flags, {
      ...{ principal: caller.principal, key: request.idempotencyKey },
      ...{ chain: adapter.chain.id, wallet: wallet.name, account: wallet.address },
    })
    requireSwitchedOn(request, options)
    const route = this.#routeOf(request, adapter.chain, wallet, options)
    const resolved = await this.#deps.recipients.resolve(requested, adapter, caller.signal)
    const [plan] = await Promise.all([
      this.#plan({ request, resolved, adapter, wallet, cap, route, options, caller }),
      guard.require(adapter),
    ])
    const intent = {
      id: newId('int'),
      principal: caller.principal,
      idempotency_key: request.idempotencyKey,
      arguments: args,
      digest: intentDigest(plan),
      chain: adapter.chain.id,
      account: wallet.address,
      wallet: wallet.name,
      plan: JSON.stringify(plan),
      expires_at: new Date(this.#deps.clock.now() + this.#lifeOf(request, plan)).toISOString(),
    }
    const waits = plan.approval && { planDigest: planDigestOf(intent) }
    const saved = await intents.save(intent, { ...waits, verdict: verdictOf(plan) })
    // Another call with this key may have come first.
    requireSameArguments(saved.intent, args)
    return this.#view(saved.intent, adapter, wallet, saved.operationId)
  }

  /**
   * What others could profit from seeing beforehand goes privately where it can. Throws `private_route_missing`, and
   * `account_route` for what a contract account is to pay so.
   */
  #routeOf(
    { route, function: called, data, calls }: PrepareRequest,
    chain: Chain,
    wallet: Wallet,
    { prefersPrivate }: PaymentOptions,
  ): Route {
    const { judge } = this.#deps
    if (wallet.kind === 'smart-account') {
      if (route !== 'private') return 'public'
      throw new BursarError('account_route', { wallet: wallet.name }, { chain: chain.id })
    }
    judge.requireRoute(chain, route)
    if (route !== undefined) return route
    const isCall = (called ?? data ?? calls) !== undefined
    return isCall && prefersPrivate && judge.hasPrivateRoute(chain.id) ? 'private' : 'public'
  }

  /** In milliseconds. */
  #lifeOf({ maxFeeGwei, waitHours }: PrepareRequest, { approval }: IntentPlan): number {
    const waits = maxFeeGwei !== undefined && waitHours !== undefined
    const life = waits ? waitHours * HOUR_MS : this.#deps.ttlSeconds * 1000
    return approval ? Math.max(life, this.#deps.approvalTtlSeconds * 1000) : life
  }

  /** Plans what the request needs first, then what it is for: each is simulated after those before it. */
  async #plan(wanted: Wanted): Promise<IntentPlan> {
    const { resolved, adapter, wallet, cap, route, options, caller } = wanted
    const { requested, names } = resolved
    const draft = requested.batch
      ? await adapter.draftBatch(requested.batch, wallet.address, caller.signal)
      : await adapter.draft(requested.action, wallet.address, caller.signal)
    const [waiting, approvals] = await Promise.all([
      this.#deps.operations.waiting(adapter.chain.id, wallet.address),
      adapter.approvals(draft, caller.signal),
    ])
    const first: FirstStep[] = []
    const admitted: Admitted[] = []
    let allowed: readonly PaidOut[] = []
    let needed: NeededApproval | undefined
    for (const { role, overwrites, ...approval } of approvals) {
      const step = await this.#step(wanted, approval, before(waiting, first), admitted)
      first.push({ ...step.plan, role, ...(overwrites && { overwrites: overwrites.toString() }) })
      admitted.push(step.admitted)
      allowed = [...allowed, ...allowedBy(step.matter)]
      needed = together(needed, step.verdict.approval)
    }
    const meant = meantBy(draft, approvals.length > 0)
    const { plan, verdict } = await this.#step(wanted, draft, before(waiting, first), admitted, {
      ...(meant && { meant }),
      ...(allowed.length > 0 && { allowedBefore: allowed }),
    })
    needed = together(needed, verdict.approval)
    return {
      ...plan,
      ...(needed && { approval: needed }),
      ...(first.length > 0 && { first }),
      ...(names.length > 0 && { names }),
      ...(cap !== undefined && { waitsForFees: true as const }),
      ...(route === 'private' && { route }),
      ...(options.chosen && { flags: options.chosen }),
    }
  }

  /** Simulates and judges one transaction. What those before it hold counts as held. */
  async #step(
    { request, adapter, wallet, cap, route, options, caller }: Wanted,
    draft: Draft,
    earlier: readonly Earlier[],
    earlierSteps: readonly Admitted[],
    more: Pick<Case, 'meant' | 'allowedBefore'> = {},
  ): Promise<Stepped> {
    const { judge, operations, intents, lookalikes, recipients, wallets, clock } = this.#deps
    const { chain } = adapter
    const askedAt = clock.now()
    const { urgency = options.urgency } = request
    const { learnsGas } = options
    const limit = { urgency, maxGasPrice: judge.policy.maxGasPrice, learnsGas }
    const planned = withCap(await adapter.plan(draft, limit, earlier, caller.signal), cap)
    const { outflow, to, signature } = draft
    const lane = { chain: chain.id, account: wallet.address }
    const payees = (draft.calls ?? [draft]).map(payeeOf)
    const { principal } = caller
    const { effects, commanded } = planned.rehearsal.outcome
    const parties = partiesOf(wallet.address, namedBy(draft), effects, commanded)
    const [unknown, known] = await Promise.all([
      intents.neverPaid({ ...lane, principal }, payees.filter(isDefined)),
      recipients.inBook(payees.filter(isDefined), chain),
      lookalikes.requireNone(parties, wallets.on(chain), chain.id),
    ])
    // The operator has vouched for those of the address book: that they are new tells nothing.
    const paysFirst = firstPaid(draft, payees, new Set([...unknown].filter((each) => !known.has(each))))
    const first = paysFirst === undefined ? {} : { paysFirst }
    const means = more.meant && { meant: more.meant }
    const about = { ...first, ...more, route }
    const whose = { wallet: wallet.name, principal }
    const matter = { ...planned, adapter, outflow, askedAt, ...whose, ...about }
    const ledger = await operations.ledger({ ...lane, ...judge.ask([matter]) })
    const verdict = judge.pass(matter, ledgerWith(ledger, earlierSteps))
    const words = { to, outflow, urgency, ...means, ...(signature === undefined ? {} : { signature }) }
    const calls = draft.calls && { calls: payees }
    const plan = planOf({ ...planned, verdict, ...words, ...calls })
    const admitted = { reservations: reservationsOf(adapter, matter), counted: verdict.counted }
    return { plan, matter, verdict, admitted }
  }

  async #view(
    row: IntentRow,
    adapter: ChainAdapter,
    wallet: Wallet,
    operationId: string | undefined,
  ): Promise<IntentView> {
    const { approval } = JSON.parse(row.plan) as IntentPlan
    const decided = approval && (await this.#deps.decisions.find(row.id))
    const view = intentView(row, adapter, wallet, operationId, this.#deps.clock.now(), decided)
    return haltedView(view, await this.#deps.halts.of(row))
  }
}

/** What the draft of a payment says becomes of the tokens that it names. */
function meantBy({ isCall, to, outflow: { asset } }: Draft, isAllowed: boolean): Meant | undefined {
  if (isCall) return isAllowed ? { takenBy: to } : undefined
  return asset.address === undefined ? undefined : { paidTo: to }
}

/** One transaction of a request, simulated and judged. */
interface Stepped {
  readonly plan: StepPlan
  readonly matter: Case
  readonly verdict: Verdict
  readonly admitted: Admitted
}

/** One request, resolved. */
interface Wanted {
  readonly request: PrepareRequest
  readonly resolved: Resolved
  readonly adapter: ChainAdapter
  readonly wallet: Wallet
  readonly cap: bigint | undefined
  readonly route: Route
  readonly options: PaymentOptions
  readonly caller: Caller
}

const HOUR_MS = 3_600_000
const GWEI_DECIMALS = 9

/** What was planned, at most at the price that its caller allows. */
interface Capped extends Planned {
  readonly waitsForFees: boolean
}

function withCap(planned: Planned, cap: bigint | undefined): Capped {
  if (cap === undefined) return { ...planned, waitsForFees: false }
  return { ...planned, terms: cappedTerms(planned.terms, cap), waitsForFees: true }
}

/** What the caller would pay per unit of gas, and wait for. Throws `amount_invalid`. */
function capOf({ maxFeeGwei, waitHours }: PrepareRequest): bigint | undefined {
  if (maxFeeGwei !== undefined) return weiOf(maxFeeGwei)
  if (waitHours === undefined) return undefined
  const reason = 'waitHours is given without maxFeeGwei, the price to wait for'
  throw new BursarError('amount_invalid', { given: '', reason, decimals: GWEI_DECIMALS })
}

/** Throws `amount_invalid`. */
function weiOf(gwei: string): bigint {
  const wei = parseAmount(gwei, GWEI_DECIMALS)
  if (typeof wei === 'bigint' && wei > 0n) return wei
  const reason = wei === 0n ? 'maxFeeGwei is zero' : 'maxFeeGwei is not a decimal number of gwei'
  throw new BursarError('amount_invalid', { given: gwei.slice(0, 80), reason, decimals: GWEI_DECIMALS })
}

/** Whom an action pays; undefined for what is only called, and for the account itself. */
function payeeOf({ outflow, to, from }: Draft): string | undefined {
  return outflow.raw > 0n && to !== from ? to : undefined
}

const isDefined = (payee: string | undefined): payee is string => payee !== undefined

/** Whom a draft pays that was never paid: an address, or which of its calls pay somebody new. */
function firstPaid(
  { calls }: Draft,
  payees: readonly (string | undefined)[],
  unknown: ReadonlySet<string>,
): string | undefined {
  const first = payees.flatMap((payee, index) => (payee !== undefined && unknown.has(payee) ? [index] : []))
  if (first.length === 0) return undefined
  return calls ? `the recipients of calls[${first.join(', ')}]` : payees[0]
}

/** What must be the same when a key comes again: names resolved, so that an alias is not another argument. */
function argumentsOf(
  request: PrepareRequest,
  { action, batch }: Requested,
  adapter: ChainAdapter,
  wallet: Wallet,
): string {
  const { urgency = 'standard', maxFeeGwei, waitHours, route } = request
  const more = {
    // As it was given: what it is otherwise depends on the operator, who may add a relay between two calls.
    ...(route === undefined ? {} : { route }),
    ...(maxFeeGwei === undefined ? {} : { maxFeePerGas: weiOf(maxFeeGwei).toString() }),
    ...(waitHours === undefined ? {} : { waitHours }),
  }
  const through = batch?.through === undefined ? {} : { contractAccount: batch.through }
  const what = batch ? { calls: batch.actions, ...through } : action
  return canonicalJson({ ...what, ...more, chain: adapter.chain.id, wallet: wallet.address, urgency })
}
