import type { FeeTerms, Payload } from '../../src/chains/adapter.ts'
import type { Engine } from './engine.ts'
import { fromTheStart, uncounted } from './ledger.ts'

/** An operation as a process leaves it that dies after the journal began it: judged, its spend held, no nonce. */
export async function beginOnly(engine: Engine, intentId: string) {
  const intent = await engine.intents.find(intentId)
  if (!intent) throw new Error('prepared')
  const plan = JSON.parse(intent.plan)
  const documents = {
    role: 'pivot' as const,
    recipient: plan.to,
    payload: JSON.stringify(plan.payload),
    terms: JSON.stringify(plan.terms),
    outflow: JSON.stringify(plan.outflow),
    receipt: JSON.stringify(plan.receipt),
    reservations: [{ asset: plan.outflow.asset.id, raw: plan.outflow.raw, kind: 'spend' as const }],
    ...uncounted,
  }
  const { id } = await engine.operations.begin(intent, engine.leases.take(), fromTheStart, () => [documents])
  const record = await engine.operations.find(id)
  const step = record?.steps[0]?.step
  if (!step) throw new Error('begun')
  return { operationId: id, step, plan: plan as { payload: Payload; terms: FeeTerms } }
}
