import type { Happened, TransactionStatus } from '../../chains/adapter.ts'
import { isBursarError } from '../../errors/bursarError.ts'
import type { Policy } from '../../policy/policy.ts'
import type { Owner } from '../../policy/shownEffects.ts'
import type { IntentStore } from '../../store/intents.ts'
import type { OperationRecord } from '../../store/operations.ts'
import type { AttemptRow, StepRow } from '../../store/schema.ts'
import type { Taken } from '../../store/spending/settlements.ts'
import { type IntentPlan, planOfStep, type StepPlan } from '../plan.ts'

type Included = NonNullable<TransactionStatus['included']>

/** What became of an included attempt. */
export interface PostChecked extends Pick<Taken, 'took'> {
  /** What it did worse to its account than its caller was shown, in words. */
  readonly worse?: string
}

export type PostCheck = (step: StepRow, attempt: AttemptRow, included: Included) => Promise<PostChecked>

/**
 * Compares what happened with what was simulated (T11). Native tokens that contracts move are not in receipts: they are
 * compared where an endpoint has traced them. What failed has done nothing.
 */
export function postCheck(
  intents: Pick<IntentStore, 'find'>,
  policy: Pick<Policy, 'worseThanShown' | 'spendsSeen'>,
  { steps }: Pick<OperationRecord, 'steps'>,
): PostCheck {
  return async (step, { intent_id, kind }, { succeeded, effects }) => {
    if (!succeeded || kind === 'cancel') return {}
    const intent = await intents.find(intent_id)
    const whole = intent && (JSON.parse(intent.plan) as IntentPlan)
    const plan = whole && planOfStep(whole, step)
    if (!plan) return {}
    const shown = plan.effects.map((effect) => ({ ...effect, raw: BigInt(effect.raw) }))
    const tokens = shown.filter(({ asset }) => asset.address !== undefined)
    // What leaves an account of native tokens is what its transaction carries: only what was to come in can be less.
    const happened = await effects({ native: tokens.length < shown.length }).catch((error: unknown) => {
      if (isBursarError(error, 'effects_too_many')) return error
      throw error
    })
    if (happened instanceof Error) return { worse: worseThan(happened.message) }
    const owner = { account: step.account, commanded: plan.commanded }
    const worse = policy.worseThanShown(owner, happened.withNative ? shown : tokens, happened.effects)
    return {
      // What follows an approval counts with it: neither is settled by itself, whatever took the place of either.
      ...(steps.length > 1 ? {} : { took: tookOf(policy, owner, plan, happened) }),
      ...(worse !== undefined && { worse: worseThan(worse) }),
    }
  }
}

/** As it counts towards caps over time. */
function tookOf(
  policy: Pick<Policy, 'spendsSeen'>,
  owner: Owner,
  { outflow, effects }: StepPlan,
  happened: Happened,
): NonNullable<PostChecked['took']> {
  const declared = { asset: outflow.asset, raw: BigInt(outflow.raw) }
  const spends = policy.spendsSeen(owner, declared, happened.effects)
  const native = [outflow, ...effects].find(({ asset }) => asset.address === undefined)?.asset.id
  return native === undefined ? { spends } : { spends, traced: native }
}

const worseThan = (what: string) => `what happened is worse than what was simulated: ${what}`
