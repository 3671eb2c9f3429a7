import type { ChainAdapter, Payload } from '../../chains/adapter.ts'
import { unpadNumber } from '../../store/database/paddedNumber.ts'
import type { OperationRecord } from '../../store/operations.ts'
import type { AttemptRow, StepRow } from '../../store/schema.ts'
import type { AskedSignatures } from '../../store/steps/askedSignatures.ts'
import type { StepStore } from '../../store/steps/steps.ts'
import type { PostCheck } from './postCheck.ts'

export interface AstrayDependencies {
  readonly steps: StepStore
  readonly signatures: Pick<AskedSignatures, 'stepOf'>
  readonly check: PostCheck
}

type Recorded = OperationRecord['steps'][number]

/** It was given up without bytes of ours, and a signer elsewhere may have signed it. */
export function isAstray({ step, attempts }: Recorded): boolean {
  return step.ended === 0 && step.state === 'unknown' && attempts.length === 0
}

/** Looks whether the nonce tells by now what became of a step that is astray. */
export async function followAstray(
  adapter: ChainAdapter,
  record: OperationRecord,
  one: Recorded,
  deps: AstrayDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { minedCount, head } = await adapter.status(one.step.account, [], { signal })
  if (minedCount > askedNonce(one.step)) await resolveAsked(adapter, record, one, head.number, deps, signal)
}

/**
 * The nonce of a step is used, and none of our bytes are known to have used it. A signer elsewhere may have given
 * others bytes that we have never seen: what used the nonce tells, once that is final, whether they were included.
 * Neither way is believed before (R14).
 */
export async function resolveAsked(
  adapter: ChainAdapter,
  { operation }: Pick<OperationRecord, 'operation'>,
  { step, attempts }: Recorded,
  head: string,
  { steps, signatures, check }: AstrayDependencies,
  signal: AbortSignal,
): Promise<void> {
  const { account } = step
  const nonce = askedNonce(step)
  const settled = BigInt(head) - BigInt(adapter.chain.confirmations) + 1n
  if (settled < 0n) return
  const payload = JSON.parse(step.payload) as Payload
  const user = await adapter.userOfNonce({ account, nonce, newest: settled }, payload, signal)
  // Bytes of its own that an endpoint hides are followed by their hash.
  if (!user || attempts.some(({ hash }) => hash === user.hash)) return
  const owner = await signatures.stepOf(user.hash)
  if (!user.isPayload || owner !== undefined) {
    await steps.replaced(step.id, `nonce ${nonce} was used by another transaction, ${user.hash}`)
    return
  }
  const { transactions } = await adapter.status(account, [user.hash], { signal })
  const included = transactions[0]?.included
  if (!included || BigInt(included.blockNumber) > settled) return
  await adapter.confirmInclusion({ hash: user.hash, state: 'included', included }, signal)
  const { effects: _effects, gasPrice: _gasPrice, ...inclusion } = included
  const found = foundBytes(step, operation.intent_id, user.hash)
  await steps.included(found, {
    ...inclusion,
    transactionHash: user.hash,
    confirmations: Number(BigInt(head) - BigInt(included.blockNumber)) + 1,
    final: true,
    ...(await check(step, found, included)),
  })
}

const askedNonce = ({ asked_nonce: nonce }: StepRow) => unpadNumber(nonce as string)

/** What others have sent is no attempt of ours, and is not sent again. */
function foundBytes(step: StepRow, intentId: string, hash: string): AttemptRow {
  const { id, chain, account, receipt, asked_nonce: nonce, updated_at } = step
  return {
    ...{ id: '', step_id: id, intent_id: intentId, chain, account, nonce: nonce as string, hash, raw: '' },
    ...{ receipt, kind: 'original', state: 'included', live: 0, created_at: updated_at },
  }
}
