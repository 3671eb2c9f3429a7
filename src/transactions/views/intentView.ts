import type { Asset, ChainAdapter } from '../../chains/adapter.ts'
import { amountOf, gweiOf } from '../../chains/amounts.ts'
import { chainRef } from '../../chains/registry.ts'
import type { NeededApproval } from '../../policy/neededApproval.ts'
import { formatUnits } from '../../primitives/amount.ts'
import type { Finding } from '../../primitives/findings.ts'
import type { ApprovalRow, IntentRow } from '../../store/schema.ts'
import { ceilingOf } from '../judging/feeCeiling.ts'
import {
  type Batch,
  type FirstStep,
  type IntentPlan,
  type PlannedStep,
  type Replaced,
  type StoredEffect,
  stepsOf,
} from '../plan.ts'
import type { NamedRecipient } from '../recipients/recipients.ts'
import type { EffectView, IntentView, NameView, ReplacementView, WalletRef } from './views.ts'

/** An intent as simulate_transaction shows it. */
export function intentView(
  row: IntentRow,
  adapter: Pick<ChainAdapter, 'chain' | 'codec' | 'native'>,
  wallet: WalletRef,
  operationId: string | undefined,
  now: number,
  decided?: ApprovalRow,
): IntentView {
  const plan = JSON.parse(row.plan) as IntentPlan
  const { codec, native } = adapter
  const steps = stepsOf(plan)
  const moreEffects = steps.reduce((more, each) => more + each.moreEffects, 0)
  const findings = distinct(steps.flatMap((each) => each.findings))
  const state = plan.approval && (decided?.state ?? 'pending')
  const status = statusOf(row, operationId, state, now)
  return {
    intentId: row.id,
    status,
    chain: chainRef(adapter.chain),
    wallet: { name: wallet.name, address: wallet.address },
    to: plan.to,
    ...(plan.names && { names: plan.names.map(nameView) }),
    amount: amountOf(plan.outflow.asset, plan.outflow.raw),
    ...(plan.signature === undefined ? {} : { function: plan.signature }),
    ...(plan.batch && { batch: batchView(plan.batch, native) }),
    ...(plan.first && { first: plan.first.map((each) => approvalWords(each, plan)) }),
    gasLimit: gasLimitOf(plan),
    route: plan.route ?? 'public',
    ...(plan.gasLimitBasis === undefined ? {} : { gasLimitBasis: plan.gasLimitBasis }),
    fees: {
      expected: amountOf(
        native,
        sum(steps, ({ expectedFee }) => BigInt(expectedFee)),
      ),
      ceiling: amountOf(native, ceilingOf(plan, codec)),
      maxFeePerGasGwei: gweiOf(plan.terms.maxFeePerGas),
      maxPriorityFeePerGasGwei: gweiOf(plan.terms.maxPriorityFeePerGas),
    },
    simulation: {
      backend: plan.receipt.backend,
      block: plan.receipt.block,
      gasUsed: plan.receipt.gasUsed,
      effects: steps.flatMap(({ effects }) => effects).map(effectView),
      ...(moreEffects === 0 ? {} : { moreEffects }),
      ...(plan.receipt.skipped.length === 0 ? {} : { skipped: plan.receipt.skipped }),
      ...(findings.length === 0 ? {} : { findings }),
    },
    verdict: {
      decision: plan.approval ? 'needs_approval' : 'allow',
      rules: [...new Set(steps.flatMap(({ rules }) => rules))],
    },
    ...(plan.approval && state && { approval: approvalView(row.id, plan.approval, state, decided) }),
    idempotencyKey: row.idempotency_key,
    digest: row.digest,
    expiresAt: row.expires_at,
    ...(operationId === undefined ? {} : { operationId }),
    next: nextFor(status, plan),
  }
}

function statusOf(
  row: IntentRow,
  operationId: string | undefined,
  approval: ApprovalRow['state'] | undefined,
  now: number,
): IntentView['status'] {
  if (operationId !== undefined) return 'executed'
  if (approval === 'denied') return 'denied'
  if (now >= Date.parse(row.expires_at)) return 'expired'
  return approval === 'pending' ? 'needs_approval' : 'ready'
}

function approvalView(
  intentId: string,
  { rules }: NeededApproval,
  state: ApprovalRow['state'],
  decided: ApprovalRow | undefined,
): NonNullable<IntentView['approval']> {
  const reason = decided?.reason
  const told = reason === null || reason === undefined ? {} : { reason }
  return { state, why: rules, command: `bursar approvals approve ${intentId}`, ...told }
}

function nextFor(status: IntentView['status'], plan: IntentPlan): string {
  if (status === 'needs_approval' && plan.approval?.mayElicit) return `${ASKS} ${NEXT.needs_approval}`
  return status === 'ready' && isDearer(plan) ? `${DEARER} ${NEXT.ready}` : NEXT[status]
}

const nameView = ({ field, name, by, address, block }: NamedRecipient): NameView => {
  return { field, name, by, address, ...(block && { block: block.number }) }
}

function batchView({ calls, saved }: Batch, native: Asset): NonNullable<IntentView['batch']> {
  return { calls, ...(saved && { saved: { gas: saved.gas, amount: amountOf(native, saved.raw) } }) }
}

const isDearer = ({ batch }: IntentPlan) => batch?.saved !== undefined && BigInt(batch.saved.raw) < 0n

const DEARER =
  'Together these calls cost more than one by one: prepare them separately, unless it must be all or none.'

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

const ASKS = 'send_transaction asks the user here, if this client can. Otherwise:'

const NEXT: Readonly<Record<IntentView['status'], string>> = {
  ready:
    'Check the effects. If they are what you want, call send_transaction with this intentId before it expires.',
  needs_approval:
    'Tell the user that this waits for approval, and to run approval.command in a terminal, not through you. When they say it is done, call send_transaction.',
  denied:
    'A person denied it. Ask the user how to go on; do not prepare the same payment again unless they want it.',
  executed: 'This payment was executed already. Call get_operation with operationId to see how it went.',
  expired: 'Call simulate_transaction again with the same arguments and idempotencyKey to renew it.',
}

/** In the words of who reads it: what is allowed to whom, and what of that is gone afterwards. */
function approvalWords({ role, overwrites }: FirstStep, { to, outflow: { asset, raw } }: IntentPlan): string {
  const name = asset.symbol ?? asset.id
  const show = (amount: string) => formatUnits(BigInt(amount), asset.decimals)
  if (role === 'reset') {
    const from = overwrites === undefined ? '' : ` from ${show(overwrites)}`
    return `sets the allowance of ${to} in ${name}${from} to 0, which this token wants before it is changed`
  }
  const allows = `allows ${to} exactly ${show(raw)} ${name}`
  return overwrites === undefined
    ? `${allows}; taken back if the call does not happen`
    : `${allows} in the place of ${show(overwrites)} ${name}; its allowance is set to 0 if the call does not happen`
}

const effectView = ({ kind, from, to, asset, raw }: StoredEffect): EffectView => {
  return { kind, from, to, amount: amountOf(asset, raw) }
}

function sum(steps: readonly PlannedStep[], amount: (step: PlannedStep) => bigint): string {
  return steps.reduce((total, step) => total + amount(step), 0n).toString()
}

function distinct(findings: readonly Finding[]): readonly Finding[] {
  return [...new Map(findings.map((each) => [`${each.code} ${each.detail}`, each])).values()]
}

function gasLimitOf(plan: IntentPlan): string {
  return 'gasLimit' in plan.payload ? String(plan.payload.gasLimit) : plan.receipt.gasUsed
}
