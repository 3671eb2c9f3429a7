import type { ChainAdapter } from '../../chains/adapter.ts'
import { isBursarError } from '../../errors/bursarError.ts'
import type { Clock } from '../../primitives/clock.ts'
import type { ApprovalStore } from '../../store/approvals.ts'
import type { OperationStore } from '../../store/operations.ts'
import type { IntentRow } from '../../store/schema.ts'
import type { WalletBook } from '../../wallets/walletBook.ts'
import type { Judge } from '../judging/judge.ts'
import { passAll, rehearsePlan, requireNoLookalikes } from '../judging/matters.ts'
import { type IntentPlan, intentDigest, isExpired } from '../plan.ts'
import type { Lookalikes } from '../recipients/lookalikes.ts'
import type { Recipients } from '../recipients/recipients.ts'
import type { Authorisations } from './authorisations.ts'
import { planDigestOf } from './planDigest.ts'

export interface WaitingDependencies {
  readonly approvals: Pick<Authorisations, 'problem'>
  readonly decisions: Pick<ApprovalStore, 'find'>
  readonly judge: Judge
  readonly lookalikes: Lookalikes
  readonly recipients: Recipients
  readonly wallets: WalletBook
  readonly operations: Pick<OperationStore, 'waiting' | 'ledger'>
  readonly clock: Clock
}

/**
 * Whether a known intent is to stay as it is, because a person decides about it or has: to renew it would void that.
 * One that could not be executed any more, with what was shown and at its fees, is renewed all the same.
 */
export async function waitsForPerson(
  deps: WaitingDependencies,
  known: IntentRow,
  adapter: ChainAdapter,
  signal: AbortSignal,
): Promise<boolean> {
  const { approvals, decisions, judge, operations, clock } = deps
  const plan = JSON.parse(known.plan) as IntentPlan
  const decided = plan.approval && (await decisions.find(known.id))
  if (decided?.state === 'denied') return true
  if (decided?.digest !== known.digest || decided.plan_digest !== planDigestOf(known)) return false
  if (isExpired(plan, known.expires_at, clock.now()) || intentDigest(plan) !== known.digest) return false
  if (plan.receipt.policy !== judge.policy.version) return false
  if (decided.state === 'approved' && (await approvals.problem(known)) !== undefined) return false
  try {
    await deps.recipients.requireUnmoved(plan.names, adapter.chain, signal)
    const { matters } = await rehearsePlan({ operations, clock }, known, plan, adapter, signal)
    await requireNoLookalikes(deps, matters)
    const { chain, account } = known
    const ledger = await operations.ledger({ chain, account, ...judge.ask(matters) })
    passAll(judge, adapter, matters, ledger)
    return true
  } catch (error) {
    // What speaks against it decides; that nobody could tell decides nothing.
    if (!isBursarError(error) || error.kind === 'provider') throw error
    return false
  }
}
