import type { ChainAdapter, Payload, StatusReading } from '../../chains/adapter.ts'
import type { NonceUse, OperationTrace } from '../../chains/nonceUses.ts'
import type { SimulationReceipt } from '../../chains/simulationReceipt.ts'
import { unpadNumber } from '../../store/database/paddedNumber.ts'
import type { UsedGas } from '../../store/gasUses.ts'
import type { OperationRecord } from '../../store/operations.ts'
import type { AttemptRow, StepRow } from '../../store/schema.ts'
import type { StepStore } from '../../store/steps/steps.ts'
import { type AstrayDependencies, resolveAsked } from './astray.ts'
import type { PostCheck } from './postCheck.ts'

export interface Followed {
  /** The same bytes should be sent again: the endpoint does not know of them, and their nonce is still free. */
  readonly needsSending: boolean
  /** Number of the block up to which they were not included and might still be; absent when they were, or cannot. */
  readonly waitsAt?: string
  /** The nonce that the chain takes next from the account. */
  readonly minedCount: bigint
}

/** Looks once at what the chain says of a sent step, and records it. */
export async function followStep(
  adapter: ChainAdapter,
  record: Pick<OperationRecord, 'operation'>,
  { step, attempts }: OperationRecord['steps'][number],
  live: AttemptRow,
  { steps, signatures, check }: AstrayDependencies,
  signal: AbortSignal,
): Promise<Followed> {
  // Whichever was superseded may be the one that was included all the same (F12).
  const hashes = attempts.map(({ hash }) => hash)
  const operation = traceOf(adapter, step, attempts)
  const ask = { signal, safe: step.state === 'included', ...(operation && { operation }) }
  const reading = await adapter.status(step.account, hashes, ask)
  for (const [index, { included }] of reading.transactions.entries()) {
    const attempt = attempts[index]
    if (!included || !attempt) continue
    await recordInclusion(adapter, { step, attempt, included }, { steps, check }, reading, signal)
    return { needsSending: false, minedCount: reading.minedCount }
  }
  if (step.included_hash !== null) await steps.reorganised(live)
  const seen = reading.transactions[attempts.indexOf(live)]
  if (seen?.state === 'pending') {
    if (step.state === 'unknown' || step.state === 'dropped' || live.state === 'signed')
      await steps.sent(live)
    return { needsSending: false, waitsAt: reading.head.number, minedCount: reading.minedCount }
  }
  const nonce = unpadNumber(live.nonce)
  if (reading.minedCount <= nonce)
    return { needsSending: true, waitsAt: reading.head.number, minedCount: reading.minedCount }
  if (step.asked_nonce !== null) {
    if (step.state !== 'unknown') await steps.unknown(step.id, notKnownYet(nonce))
    await resolveAsked(
      adapter,
      record,
      { step, attempts },
      reading.head.number,
      { steps, signatures, check },
      signal,
    )
    return { needsSending: false, minedCount: reading.minedCount }
  }
  const used = { nonce, hashes, ...(operation && { operation }) }
  await resolveUsedNonce(adapter, step, used, steps, reading, signal)
  return { needsSending: false, minedCount: reading.minedCount }
}

/** What the attempts of a step are looked for by when they are user operations. */
function traceOf(
  { codec, chain }: ChainAdapter,
  { payload }: StepRow,
  attempts: readonly AttemptRow[],
): OperationTrace | undefined {
  const entryPoint = codec.entryPoint(JSON.parse(payload) as Payload)
  const [first] = attempts
  if (entryPoint === undefined || !first) return undefined
  // A chain that reorganises may have it in a lower block than the one that it was simulated at.
  const simulatedAt = BigInt((JSON.parse(first.receipt) as SimulationReceipt).block.number)
  const since = simulatedAt - BigInt(chain.confirmations)
  return { entryPoint, nonce: unpadNumber(first.nonce), since: since > 0n ? since : 0n }
}

type Included = NonNullable<StatusReading['transactions'][number]['included']>

async function recordInclusion(
  adapter: ChainAdapter,
  {
    step,
    attempt,
    included,
  }: { readonly step: StepRow; readonly attempt: AttemptRow; readonly included: Included },
  { steps, check }: { readonly steps: StepStore; readonly check: PostCheck },
  reading: StatusReading,
  signal: AbortSignal,
): Promise<void> {
  const depth = Number(BigInt(reading.head.number) - BigInt(included.blockNumber)) + 1
  const confirmations = Math.max(depth, 1)
  const final = confirmations >= adapter.chain.confirmations
  // One endpoint's word is enough to say included, not to say final.
  if (final) await adapter.confirmInclusion({ hash: attempt.hash, state: 'included', included }, signal)
  if (step.included_hash !== included.blockHash || final) {
    const { effects: _effects, gasPrice: _gasPrice, essence: _essence, ...inclusion } = included
    const checked = await check(step, attempt, included)
    await steps.included(attempt, {
      ...inclusion,
      ...(final && { used: usedBy(adapter, step, attempt, included) }),
      confirmations,
      final,
      isKnown: step.included_hash === included.blockHash,
      ...checked,
    })
  } else if (reading.safe !== undefined && BigInt(included.blockNumber) <= reading.safe) {
    await steps.safe(attempt, confirmations)
  } else if (confirmations !== step.confirmations) {
    await steps.confirmations(step.id, confirmations)
  }
}

/** What the transaction teaches about gas. A cancellation is no use of what it cancelled, nor of what that would pay. */
function usedBy(
  { codec }: ChainAdapter,
  { payload: document, suggested, pace }: StepRow,
  { kind, receipt }: AttemptRow,
  { blockNumber, gasPrice }: Included,
): UsedGas {
  if (kind === 'cancel') {
    const priced = { suggested: null, pace: null }
    return { kind: undefined, gasLimit: 0n, gasPrice, priced }
  }
  const payload = JSON.parse(document) as Payload
  const { block } = JSON.parse(receipt) as SimulationReceipt
  return {
    kind: codec.kind(payload),
    gasLimit: codec.gasLimit(payload),
    gasPrice,
    priced: { suggested, pace },
    ...(kind === 'original' ? { waited: Number(BigInt(blockNumber) - BigInt(block.number)) } : {}),
  }
}

/**
 * The nonce is used and none of our bytes are what used it, as far as this endpoint says. That is proof only once the
 * use itself is final and its block does not hold our bytes, by the word of more than one endpoint where there is more:
 * an endpoint may show a count before it shows the receipt, and a payment that is declared dead too early is paid twice
 * (R14).
 */
async function resolveUsedNonce(
  adapter: ChainAdapter,
  step: StepRow,
  { nonce, hashes, operation }: Omit<NonceUse, 'account' | 'newest'>,
  steps: StepStore,
  reading: StatusReading,
  signal: AbortSignal,
): Promise<void> {
  const settled = BigInt(reading.head.number) - BigInt(adapter.chain.confirmations) + 1n
  const { account } = step
  const use = { account, nonce, hashes, newest: settled, ...(operation && { operation }) }
  if (settled >= 0n && (await adapter.usedByAnother(use, signal))) {
    await steps.replaced(step.id, `nonce ${nonce} was used by a transaction that is not Bursar's`)
  } else if (step.state !== 'unknown') {
    await steps.unknown(step.id, notKnownYet(nonce))
  }
}

/**
 * Notes that the network has forgotten what it had accepted, when no endpoint that works knows any of its bytes: one
 * endpoint's word is enough to send them again, not to say so. Answers how the step stands now.
 */
export async function noteDropped(
  adapter: ChainAdapter,
  step: StepRow,
  attempts: readonly AttemptRow[],
  steps: StepStore,
  signal: AbortSignal,
): Promise<StepRow> {
  // No endpoint knows a user operation, and what brings it is followed by itself.
  if (step.state !== 'sent' || traceOf(adapter, step, attempts)) return step
  const hashes = attempts.map(({ hash }) => hash)
  if ((await adapter.isKnown(hashes, signal)) !== false) return step
  await steps.dropped(step.id)
  // What was told of it before is told no more.
  return { ...step, state: 'dropped', note: null }
}

const notKnownYet = (nonce: bigint) =>
  `nonce ${nonce} is used, and the transaction that used it is not known yet`
