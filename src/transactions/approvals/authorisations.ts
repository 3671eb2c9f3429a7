import type { ChainAdapter } from '../../chains/adapter.ts'
import { BursarError } from '../../errors/bursarError.ts'
import type { NeededApproval } from '../../policy/neededApproval.ts'
import type { Caller } from '../../primitives/caller.ts'
import type { Clock } from '../../primitives/clock.ts'
import { type ApprovalStore, approvalOf, isSpent, useApproval } from '../../store/approvals.ts'
import type { Transition } from '../../store/operations.ts'
import type { ApprovalRow, IntentRow } from '../../store/schema.ts'
import type { IntentPlan } from '../plan.ts'
import { planDigestOf } from './planDigest.ts'
import { questionFor } from './question.ts'
import { problemOf, randomOf } from './statement.ts'

export interface AuthorisationDependencies {
  readonly store: ApprovalStore
  /** Version of the policy that holds. */
  readonly policy: () => string
  /** Ed25519 public keys that count at this moment, 64 hex digits each. */
  readonly keys: () => readonly string[]
  readonly clock: Clock
}

/** What is to be begun, and what it needs. */
export interface Authorised {
  readonly intent: IntentRow
  readonly plan: IntentPlan
  readonly need: NeededApproval
  readonly adapter: Pick<ChainAdapter, 'chain' | 'native' | 'codec'>
  readonly caller: Caller
}

/** Verifies that a person has approved what is about to be signed, and uses the approval up. */
export class Authorisations {
  readonly #deps: AuthorisationDependencies

  constructor(deps: AuthorisationDependencies) {
    this.#deps = deps
  }

  /**
   * Within the transition that begins an operation: uses up the approval of its intent, signed or given in the client
   * as far as that is enough. Throws `approval_needed` or `approval_denied`; nothing is written then.
   */
  async authorise(
    { intent, plan, need, adapter, caller }: Authorised,
    transition: Transition,
  ): Promise<void> {
    const { tx, audit, operationId, now } = transition
    const row = await approvalOf(tx, intent.id)
    const planDigest = planDigestOf(intent)
    const seen = { intent_id: intent.id, digest: intent.digest, plan_digest: planDigest }
    if (row?.state === 'denied') {
      const reason = row.reason ?? 'without a reason'
      throw new BursarError('approval_denied', { intentId: intent.id, reason }, { chain: intent.chain })
    }
    const refused = (note: string) => {
      const context = { intentId: intent.id, rules: need.rules, note }
      return new BursarError('approval_needed', context, { chain: intent.chain })
    }
    if (row?.digest !== intent.digest || row.plan_digest !== planDigest)
      throw refused('call simulate_transaction with the same arguments first, which asks for the approval')
    const random = randomOf(row.statement)
    const isReused = random !== undefined && (await isSpent(tx, random))
    const problem = isReused ? 'the approval was used or taken back' : this.#problem(intent, row, true)
    if (problem === undefined) return useApproval(tx, audit, { ...seen, operationId, random }, now)
    const answer = need.mayElicit ? caller.confirm?.(questionFor(intent, plan, adapter)) : undefined
    if (answer === 'accepted') return useApproval(tx, audit, { ...seen, operationId, random: undefined }, now)
    const asked = answer === 'refused' ? 'the user was asked in the client and did not accept' : undefined
    throw refused(asked ?? (row.state === 'pending' ? 'nobody has approved it yet' : problem))
  }

  /** Why an approval that is stored does not count for an intent now; undefined when it does. */
  async problem(intent: IntentRow): Promise<string | undefined> {
    const row = await this.#deps.store.find(intent.id)
    return row ? this.#problem(intent, row, true) : 'nobody was asked'
  }

  /**
   * Whether an operation began with the approval that it needs: looked at again before anything of it is signed. The
   * policy may be another one by then: it has judged the step itself, and what the person looked at is the same.
   */
  async covers(operationId: string, intent: IntentRow, need: NeededApproval): Promise<boolean> {
    const row = await this.#deps.store.find(intent.id)
    if (row?.state !== 'used' || row.operation_id !== operationId) return false
    return row.statement === null ? need.mayElicit : this.#problem(intent, row, false) === undefined
  }

  #problem(intent: IntentRow, row: ApprovalRow, isUnused: boolean): string | undefined {
    const { clock, keys, policy } = this.#deps
    return problemOf(row, {
      intentId: intent.id,
      principal: intent.principal,
      digest: intent.digest,
      planDigest: planDigestOf(intent),
      keys: keys(),
      ...(isUnused && { use: { now: clock.now(), policy: policy() } }),
    })
  }
}
