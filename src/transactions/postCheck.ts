import type { TransactionStatus } from '../chains/adapter.ts'
import { isBursarError } from '../errors/bursarError.ts'
import type { Policy } from '../policy/policy.ts'
import type { IntentStore } from '../store/intents.ts'
import type { AttemptRow, StepRow } from '../store/schema.ts'
import type { IntentPlan } from './plan.ts'

type Included = NonNullable<TransactionStatus['included']>

/** What an included attempt did worse to its account than its caller was shown, in words; undefined when nothing. */
export type PostCheck = (
  step: StepRow,
  attempt: AttemptRow,
  included: Included,
) => Promise<string | undefined>

/**
 * Compares what happened with what was simulated (T11). Native tokens that contracts move are not in receipts, and are
 * not compared; what failed has done nothing.
 */
export function postCheck(
  intents: Pick<IntentStore, 'find'>,
  policy: Pick<Policy, 'worseThanShown'>,
): PostCheck {
  return async ({ account }, { intent_id, kind }, { succeeded, effects }) => {
    if (!succeeded || kind === 'cancel') return undefined
    const intent = await intents.find(intent_id)
    if (!intent) return undefined
    const plan = JSON.parse(intent.plan) as IntentPlan
    const shown = plan.effects.map((effect) => ({ ...effect, raw: BigInt(effect.raw) }))
    const told = shown.filter(({ asset }) => asset.address !== undefined)
    const happened = await effects().catch((error: unknown) => {
      if (isBursarError(error, 'effects_too_many')) return error
      throw error
    })
    const worse =
      happened instanceof Error ? happened.message : policy.worseThanShown(account, told, happened)
    return worse && `what happened is worse than what was simulated: ${worse}`
  }
}
