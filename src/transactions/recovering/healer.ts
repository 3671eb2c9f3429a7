import type { ChainDirectory } from '../../chains/directory.ts'
import { unattended } from '../../primitives/abort.ts'
import type { Caller } from '../../primitives/caller.ts'
import type { Clock } from '../../primitives/clock.ts'
import { newId } from '../../primitives/ids.ts'
import type { HaltStore } from '../../store/halts.ts'
import type { IntentStore } from '../../store/intents.ts'
import type { OperationStore } from '../../store/operations.ts'
import type { WalletBook } from '../../wallets/walletBook.ts'
import type { Judge } from '../judging/judge.ts'
import { OWN_PRINCIPAL } from '../ownPrincipal.ts'
import { type IntentPlan, intentDigest, planOf, verdictOf } from '../plan.ts'
import type { Gap } from './gaps.ts'

export interface HealerDependencies {
  readonly directory: Pick<ChainDirectory, 'adapter'>
  readonly wallets: WalletBook
  readonly judge: Judge
  readonly intents: IntentStore
  readonly operations: OperationStore
  readonly halts: Pick<HaltStore, 'of'>
  readonly clock: Clock
  readonly ttlSeconds: number
  readonly execute: (request: { intentId: string }, caller: Caller) => Promise<unknown>
}

/**
 * Fills gaps with transactions that move nothing: prepared, judged, recorded and executed as every payment is. One that
 * is not needed any more when it gets its nonce is given up unsigned.
 */
export class Healer {
  readonly #deps: HealerDependencies

  constructor(deps: HealerDependencies) {
    this.#deps = deps
  }

  async heal({ chain, account, nonce, head }: Gap): Promise<void> {
    const { directory, wallets, judge, operations, intents, clock, execute } = this.#deps
    const signal = unattended()
    const adapter = await directory.adapter(chain)
    const wallet = wallets.find(account, adapter.chain)
    if (await this.#deps.halts.of({ chain, account, wallet: wallet.name })) return
    const askedAt = clock.now()
    const draft = adapter.nothing(account)
    const limit = { urgency: 'fast', maxGasPrice: judge.policy.maxGasPrice } as const
    const planned = await adapter.plan(draft, limit, [], signal)
    if (planned.rehearsal.minedCount !== nonce) return
    const { to, outflow } = draft
    const whose = { wallet: wallet.name, principal: OWN_PRINCIPAL, isProtective: true }
    const matter = { ...planned, adapter, outflow, askedAt, ...whose }
    const ledger = await operations.ledger({ chain, account, ...judge.ask([matter]) })
    const verdict = judge.pass(matter, ledger)
    const plan: IntentPlan = { ...planOf({ ...planned, to, outflow, verdict }), fills: nonce.toString() }
    const { intent } = await intents.save(
      {
        id: newId('int'),
        principal: OWN_PRINCIPAL,
        // Whoever sees the gap at this block means the same one.
        idempotency_key: `gap ${chain} ${account} ${nonce} ${head}`,
        arguments: '{}',
        digest: intentDigest(plan),
        chain,
        account,
        wallet: wallet.name,
        plan: JSON.stringify(plan),
        expires_at: new Date(clock.now() + this.#deps.ttlSeconds * 1000).toISOString(),
      },
      verdictOf(plan),
    )
    await execute({ intentId: intent.id }, { principal: OWN_PRINCIPAL, signal, progress() {} })
  }
}
