import type { ChainAdapter } from '../../chains/adapter.ts'
import { BursarError } from '../../errors/bursarError.ts'
import type { Clock } from '../../primitives/clock.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import type { ApprovalStore, Seen } from '../../store/approvals.ts'
import type { IntentStore } from '../../store/intents.ts'
import type { ApprovalRow, IntentRow } from '../../store/schema.ts'
import { type IntentPlan, intentDigest } from '../plan.ts'
import { intentView } from '../views/intentView.ts'
import type { IntentView } from '../views/views.ts'
import { planDigestOf } from './planDigest.ts'
import { type Approver, randomOf } from './statement.ts'

export interface ApprovalsDependencies {
  readonly store: ApprovalStore
  readonly intents: Pick<IntentStore, 'find'>
  /** What is known of a chain without asking it, by CAIP-2 id. */
  readonly knowledge: (chain: string) => Pick<ChainAdapter, 'chain' | 'codec' | 'native'>
  readonly clock: Clock
  /** The key that signs; asked for when something is approved. */
  readonly approver: () => Approver
}

/** An intent as a person sees it who decides about it. JSON-safe. */
export interface ApprovalView extends IntentView {
  /** Who prepared it. */
  readonly principal: string
  readonly requestedAt: string
  /** Over all that is shown here. */
  readonly planDigest: string
}

export interface Approved {
  readonly intentId: string
  readonly digest: string
  /** Left out by scripts, which have looked at nothing. */
  readonly planDigest?: string
}

/** As many characters of a digest that a person copies: 32 bits, of a digest that is already fixed. */
const LEAST_DIGITS = 8
const DIGITS = /^0x[0-9a-f]+$/
const REASON_CAP = 200

/**
 * What the operator's people do about intents that need an approval, out of the agent's reach. Who calls it has made
 * sure that it is a person: the command line, or a page behind a log-in that takes POST only.
 */
export class Approvals {
  readonly #deps: ApprovalsDependencies

  constructor(deps: ApprovalsDependencies) {
    this.#deps = deps
  }

  /** What waits for a person or, approved, for its execution; newest first. */
  async list(): Promise<readonly ApprovalView[]> {
    const open = await this.#deps.store.open()
    const views = open.map(({ intent, approval }) => this.#view(intent, approval))
    return views.filter(({ status }) => status !== 'expired')
  }

  /** Throws `approval_unknown`. */
  async show(intentId: string): Promise<ApprovalView> {
    const { intent, approval } = await this.#find(intentId)
    return this.#view(intent, approval)
  }

  /**
   * Signs that a person approves what `show` has shown: `digest` is its digest, or the first eight characters of it or
   * more, and `planDigest` what it showed of everything else. Throws `approval_unknown`, `approval_closed` and `approver_unusable`; nothing is approved then.
   */
  async approve({ intentId, digest, planDigest }: Approved): Promise<ApprovalView> {
    const { intent, approval } = await this.#find(intentId)
    const { store, clock, approver } = this.#deps
    const plan = JSON.parse(intent.plan) as IntentPlan
    requireDigest(intent, digest)
    const seen = seenOf(intent)
    if (planDigest !== undefined && planDigest !== seen.plan_digest)
      throw closed(intentId, 'it was prepared anew since you looked at it')
    if (intentDigest(plan) !== intent.digest || approval.plan_digest !== seen.plan_digest)
      throw closed(intentId, 'the journal holds another payment than the one that was prepared')
    const now = clock.now()
    if (now >= Date.parse(intent.expires_at)) throw closed(intentId, `it expired at ${intent.expires_at}`)
    const signed = approver().sign({
      intentId,
      principal: intent.principal,
      digest: intent.digest,
      planDigest: seen.plan_digest,
      policy: plan.receipt.policy,
      approvedAt: new Date(now).toISOString(),
      expiresAt: intent.expires_at,
    })
    await store.approve(seen, signed)
    return this.show(intentId)
  }

  /** Ends an intent, also one that was approved and is not executed. Throws `approval_unknown` and `approval_closed`. */
  async deny({ intentId, reason }: { intentId: string; reason: string }): Promise<ApprovalView> {
    const { intent, approval } = await this.#find(intentId)
    // Its agent reads it in an error's own words.
    const words = untrusted(reason.trim(), REASON_CAP).untrusted || 'no reason was given'
    await this.#deps.store.deny(seenOf(intent), words, randomOf(approval.statement))
    return this.show(intentId)
  }

  async #find(intentId: string): Promise<{ readonly intent: IntentRow; readonly approval: ApprovalRow }> {
    const [intent, approval] = await Promise.all([
      this.#deps.intents.find(intentId),
      this.#deps.store.find(intentId),
    ])
    if (intent && approval) return { intent, approval }
    throw new BursarError('approval_unknown', { given: intentId.slice(0, 80) })
  }

  #view(intent: IntentRow, approval: ApprovalRow): ApprovalView {
    const { clock, knowledge } = this.#deps
    const wallet = { name: intent.wallet, address: intent.account }
    const operationId = approval.operation_id ?? undefined
    const view = intentView(intent, knowledge(intent.chain), wallet, operationId, clock.now(), approval)
    return {
      ...view,
      principal: intent.principal,
      requestedAt: approval.requested_at,
      planDigest: planDigestOf(intent),
    }
  }
}

function requireDigest({ id, digest }: IntentRow, given: string): void {
  const digits = given.trim().toLowerCase()
  const prefixed = digits.startsWith('0x') ? digits : `0x${digits}`
  if (prefixed.length - 2 < LEAST_DIGITS || !DIGITS.test(prefixed))
    throw closed(id, `at least the first ${LEAST_DIGITS} hex digits of its digest are needed`)
  if (!digest.startsWith(prefixed)) throw closed(id, 'its digest is another one: look at it again')
}

const seenOf = (intent: IntentRow): Seen => {
  return { intent_id: intent.id, digest: intent.digest, plan_digest: planDigestOf(intent) }
}

const closed = (intentId: string, reason: string) => new BursarError('approval_closed', { intentId, reason })
