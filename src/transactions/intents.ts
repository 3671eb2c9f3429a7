import type { Action, ChainAdapter, ChainDirectory, Draft, Planned } from '../chains/adapter.ts'
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
import { asOfRehearsal, earlierOf, type IntentPlan, intentDigest, planOf } from './plan.ts'
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
      const earlier = await earlierOf(operations, adapter.chain.id, wallet.address)
      return { draft, planned: await adapter.plan(draft, limit, earlier, caller.signal) }
    }
    const [{ draft, planned }] = await Promise.all([rehearse(), guard.require(adapter)])
    const plan = await this.#judge(adapter, wallet, draft, planned, askedAt)
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
      expires_at: new Date(this.#deps.clock.now() + this.#deps.ttlSeconds * 1000).toISOString(),
    })
    // Another call with this key may have come first.
    requireSameArguments(saved.intent, args)
    return this.#view(saved.intent, adapter, wallet, saved.operationId)
  }

  async #judge(
    adapter: ChainAdapter,
    wallet: Wallet,
    draft: Draft,
    planned: Planned,
    askedAt: number,
  ): Promise<IntentPlan> {
    const { payload, terms, rehearsal } = planned
    const held = await this.#deps.operations.held({
      chain: adapter.chain.id,
      account: wallet.address,
      asOf: asOfRehearsal(rehearsal),
    })
    const { outflow, to, signature } = draft
    const matter = { adapter, wallet: wallet.name, payload, terms, outflow, rehearsal, askedAt }
    const verdict = this.#deps.judge.pass(matter, held)
    const meant = { to, outflow, ...(signature === undefined ? {} : { signature }) }
    return planOf({ payload, terms, rehearsal, verdict, ...meant })
  }

  #view(row: IntentRow, adapter: ChainAdapter, wallet: Wallet, operationId: string | undefined): IntentView {
    return intentView(row, adapter, wallet, operationId, this.#deps.clock.now())
  }
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
  const urgency = request.urgency ?? 'standard'
  return canonicalJson({ ...action, chain: adapter.chain.id, wallet: wallet.address, urgency })
}
