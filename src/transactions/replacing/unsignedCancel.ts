import type { Asset } from '../../chains/adapter.ts'
import type { NonceStore } from '../../nonces/nonceStore.ts'
import type { IntentStore } from '../../store/intents.ts'
import type { OperationRecord, OperationStore } from '../../store/operations.ts'
import type { StepStore } from '../../store/steps/steps.ts'
import type { IntentPlan } from '../plan.ts'

export interface UnsignedDependencies {
  readonly intents: IntentStore
  readonly operations: OperationStore
  readonly steps: StepStore
  readonly nonces: NonceStore
}

const CANCELLED = 'it was cancelled while it waited for lower fees'

/** The plan of a payment that waits for lower fees and may be cancelled as such; undefined for any other. */
export async function queuedForFees(
  { operation, steps }: OperationRecord,
  intents: IntentStore,
): Promise<IntentPlan | undefined> {
  const last = steps.at(-1)
  if (!last || steps.some(({ attempts }) => attempts.length > 0)) return undefined
  if (operation.state === 'failed' ? last.step.note !== CANCELLED : operation.state !== 'running')
    return undefined
  const intent = await intents.find(operation.intent_id)
  const plan = JSON.parse(intent?.plan ?? '{}') as Partial<IntentPlan>
  return plan.waitsForFees ? (plan as IntentPlan) : undefined
}

/** What stands for its cancellation under the caller's key: nothing moves, and no fee is paid. */
export function cancelledPlan(plan: IntentPlan, operationId: string, native: Asset): IntentPlan {
  return {
    ...plan,
    to: plan.payload.from,
    terms: { ...plan.terms, maxFeePerGas: '0', maxPriorityFeePerGas: '0' },
    outflow: { asset: native, raw: '0' },
    expectedFee: '0',
    surcharge: '0',
    effects: [],
    moreEffects: 0,
    replaces: { operationId, kind: 'cancel' },
  }
}

/**
 * Ends an operation before anything is signed for it, in one transition against whoever would sign at this moment:
 * the journal refuses the bytes of that one, or knows them already. False when it does: they are followed then. True
 * when it is cancelled, now or before.
 */
export async function endUnsigned(
  { operation, steps }: OperationRecord,
  deps: Pick<UnsignedDependencies, 'operations' | 'steps' | 'nonces'>,
  note = CANCELLED,
): Promise<boolean> {
  // What it is for first: without it nothing that comes before it is signed any more.
  for (const { step } of steps.toReversed()) {
    if (await deps.steps.abandon(step.id, note)) await deps.nonces.release(step)
  }
  const now = await deps.operations.find(operation.id)
  return now?.steps.every(({ step }) => step.note === note) === true
}
