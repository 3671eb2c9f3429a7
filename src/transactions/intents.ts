import type { Action, ChainAdapter, ChainDirectory, Draft, Planned } from '../chains/adapter.ts'
import { cappedTerms } from '../chains/feeTerms.ts'
import { BursarError } from '../errors/bursarError.ts'
import { parseAmount } from '../primitives/amount.ts'
import type { Caller } from '../primitives/caller.ts'
import type { Clock } from '../primitives/clock.ts'
import { newId } from '../primitives/ids.ts'
import { canonicalJson } from '../primitives/json.ts'
import type { IntentStore } from '../store/intents.ts'
import type { OperationStore } from '../store/operations.ts'
import type { IntentRow } from '../store/schema.ts'
import type { Wallet, WalletBook } from '../wallets/walletBook.ts'
import type { ChainGuard } from './chainGuard.ts'
import { intentView } from './intentView.ts'
import type { Judge } from './judge.ts'
import { asOfRehearsal, type IntentPlan, intentDigest, planOf } from './plan.ts'
import { requireSameArguments } from './sameArguments.ts'
import type { IntentView, PrepareRequest } from './views.ts'

export interface IntentDependencies {
  readonly directory: ChainDirectory
  readonly guard: ChainGuard
  readonly wallets: WalletBook
  readonly judge: Judge
  readonly intents: IntentStore
  readonly operations: OperationStore
  readonly clock: Clock
  readonly ttlSeconds: number
}

/** Prepares payments: resolved, simulated, judged and recorded. Nothing moves. */
export class Intents {
  readonly #deps: IntentDependencies

  constructor(deps: IntentDependencies) {
    this.#deps = deps
  }

  async prepare(request: PrepareRequest, caller: Caller): Promise<IntentView> {
    const { directory, guard, wallets, intents, operations } = this.#deps
    const adapter = await directory.adapter(request.chain)
    const wallet = wallets.find(request.wallet, adapter.chain)
    const action = actionOf(request, adapter, wallets)
    const cap = capOf(request)
    const args = argumentsOf(request, action, adapter, wallet)

    // A key that was executed answers with what was executed, without asking the chain anything (R3).
    const known = await intents.findByKey(caller.principal, request.idempotencyKey)
    if (known) {
      requireSameArguments(known, args)
      const operationId = await operations.findByIntent(caller.principal, known.id)
      if (operationId !== undefined) return this.#view(known, adapter, wallet, operationId)
    }

    const askedAt = this.#deps.clock.now()
    const rehearse = async () => {
      const draft = await adapter.draft(action, wallet.address, caller.signal)
      const { maxGasPrice } = this.#deps.judge.policy
      const limit = { urgency: request.urgency ?? 'standard', maxGasPrice }
      const earlier = await operations.waiting(adapter.chain.id, wallet.address)
      return { draft, planned: await adapter.plan(draft, limit, earlier, caller.signal) }
    }
    const [{ draft, planned }] = await Promise.all([rehearse(), guard.require(adapter)])
    const plan = await this.#judge(adapter, wallet, draft, withCap(planned, cap), askedAt, caller)
    const saved = await intents.save({
      id: newId('int'),
      principal: caller.principal,
      idempotency_key: request.idempotencyKey,
      arguments: args,
      digest: intentDigest(plan.payload, plan.terms),
      chain: adapter.chain.id,
      account: wallet.address,
      wallet: wallet.name,
      plan: JSON.stringify(plan),
      expires_at: new Date(this.#deps.clock.now() + this.#lifeOf(request)).toISOString(),
    })
    // Another call with this key may have come first.
    requireSameArguments(saved.intent, args)
    return this.#view(saved.intent, adapter, wallet, saved.operationId)
  }

  /** In milliseconds. */
  #lifeOf({ maxFeeGwei, waitHours }: PrepareRequest): number {
    const waits = maxFeeGwei !== undefined && waitHours !== undefined
    return waits ? waitHours * HOUR_MS : this.#deps.ttlSeconds * 1000
  }

  async #judge(
    adapter: ChainAdapter,
    wallet: Wallet,
    draft: Draft,
    planned: Capped,
    askedAt: number,
    { principal }: Caller,
  ): Promise<IntentPlan> {
    const { payload, terms, rehearsal, waitsForFees } = planned
    const { outflow, to, signature } = draft
    const lane = { chain: adapter.chain.id, account: wallet.address }
    const isPayment = outflow.raw > 0n && to !== wallet.address
    const [held, isKnown] = await Promise.all([
      this.#deps.operations.held({ ...lane, asOf: asOfRehearsal(rehearsal) }),
      !isPayment || this.#deps.intents.hasPaid({ ...lane, principal, recipient: to }),
    ])
    const first = isKnown ? {} : { paysFirst: to }
    const matter = { ...planned, adapter, wallet: wallet.name, outflow, askedAt, ...first }
    const verdict = this.#deps.judge.pass(matter, held)
    const meant = { to, outflow, ...(signature === undefined ? {} : { signature }) }
    return planOf({ payload, terms, rehearsal, waitsForFees, verdict, ...meant })
  }

  #view(row: IntentRow, adapter: ChainAdapter, wallet: Wallet, operationId: string | undefined): IntentView {
    return intentView(row, adapter, wallet, operationId, this.#deps.clock.now())
  }
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

function actionOf(request: PrepareRequest, adapter: ChainAdapter, wallets: WalletBook): Action {
  const { amount, asset, args, data } = request
  return {
    to: adapter.address(wallets.addressOf(request.to, adapter.chain), 'to'),
    ...(amount === undefined ? {} : { amount }),
    ...(asset === undefined ? {} : { asset }),
    ...(request.function === undefined ? {} : { function: request.function }),
    ...(args === undefined ? {} : { args }),
    ...(data === undefined ? {} : { data }),
  }
}

/** What must be the same when a key comes again: names resolved, so that an alias is not another argument. */
function argumentsOf(request: PrepareRequest, action: Action, adapter: ChainAdapter, wallet: Wallet): string {
  const { urgency = 'standard', maxFeeGwei, waitHours } = request
  const waits = {
    ...(maxFeeGwei === undefined ? {} : { maxFeePerGas: weiOf(maxFeeGwei).toString() }),
    ...(waitHours === undefined ? {} : { waitHours }),
  }
  return canonicalJson({ ...action, ...waits, chain: adapter.chain.id, wallet: wallet.address, urgency })
}
