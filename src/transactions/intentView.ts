import type { ChainAdapter } from '../chains/adapter.ts'
import { amountOf, gweiOf } from '../chains/amounts.ts'
import { chainRef } from '../chains/registry.ts'
import type { IntentRow } from '../store/schema.ts'
import type { IntentPlan, Replaced } from './plan.ts'
import type { IntentView, ReplacementView, WalletRef } from './views.ts'

/** An intent as simulate_transaction shows it. */
export function intentView(
  row: IntentRow,
  adapter: ChainAdapter,
  wallet: WalletRef,
  operationId: string | undefined,
  now: number,
): IntentView {
  const plan = JSON.parse(row.plan) as IntentPlan
  const { codec, native } = adapter
  const status =
    operationId !== undefined ? 'executed' : now >= Date.parse(row.expires_at) ? 'expired' : 'ready'
  return {
    intentId: row.id,
    status,
    chain: chainRef(adapter.chain),
    wallet: { name: wallet.name, address: wallet.address },
    to: plan.to,
    amount: amountOf(plan.outflow.asset, plan.outflow.raw),
    ...(plan.signature === undefined ? {} : { function: plan.signature }),
    gasLimit: gasLimitOf(plan),
    fees: {
      expected: amountOf(native, plan.expectedFee),
      ceiling: amountOf(native, codec.maxFee(plan.payload, plan.terms) + BigInt(plan.surcharge ?? 0)),
      maxFeePerGasGwei: gweiOf(plan.terms.maxFeePerGas),
      maxPriorityFeePerGasGwei: gweiOf(plan.terms.maxPriorityFeePerGas),
    },
    simulation: {
      backend: plan.receipt.backend,
      block: plan.receipt.block,
      gasUsed: plan.receipt.gasUsed,
      effects: plan.effects.map(({ kind, from, to, asset, raw }) => ({
        kind,
        from,
        to,
        amount: amountOf(asset, raw),
      })),
      ...(plan.moreEffects === 0 ? {} : { moreEffects: plan.moreEffects }),
      ...(plan.receipt.skipped.length === 0 ? {} : { skipped: plan.receipt.skipped }),
      ...(plan.findings.length === 0 ? {} : { findings: plan.findings }),
    },
    verdict: { decision: 'allow', rules: plan.rules },
    idempotencyKey: row.idempotency_key,
    digest: row.digest,
    expiresAt: row.expires_at,
    ...(operationId === undefined ? {} : { operationId }),
    next: NEXT[status],
  }
}

/** A prepared replacement as replace_transaction shows it. */
export function replacementView(intent: IntentView, { operationId, kind, nonce }: Replaced): ReplacementView {
  const { intentId, status, to, amount, fees, expiresAt } = intent
  const next = nonce === undefined ? CANCELLED : status === 'ready' ? REPLACE : intent.next
  const replaces = { operationId, kind, ...(nonce === undefined ? {} : { nonce }) }
  return { intentId, status, replaces, to, amount, fees, expiresAt, next }
}

const CANCELLED =
  'Cancelled: nothing was signed and nothing moved; there is nothing to send. If it is still wanted, prepare it again with a new idempotencyKey.'

const REPLACE =
  'Call send_transaction with this intentId before it expires, or leave it: the first transaction goes on waiting.'

const NEXT: Readonly<Record<IntentView['status'], string>> = {
  ready:
    'Check the effects. If they are what you want, call send_transaction with this intentId before it expires.',
  executed: 'This payment was executed already. Call get_operation with operationId to see how it went.',
  expired: 'Call simulate_transaction again with the same arguments and idempotencyKey to renew it.',
}

function gasLimitOf(plan: IntentPlan): string {
  return 'gasLimit' in plan.payload ? String(plan.payload.gasLimit) : plan.receipt.gasUsed
}
