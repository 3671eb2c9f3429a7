import type { ChainAdapter } from '../../chains/adapter.ts'
import { formatUnits } from '../../primitives/amount.ts'
import type { Question } from '../../primitives/caller.ts'
import { digestOf } from '../../primitives/json.ts'
import type { IntentRow } from '../../store/schema.ts'
import { ceilingOf } from '../judging/feeCeiling.ts'
import { type IntentPlan, type StoredEffect, stepsOf } from '../plan.ts'
import { planDigestOf } from './planDigest.ts'

/** More are not read by anybody in a dialogue. */
const MOST_EFFECTS = 12

/**
 * What a client asks its user. None of it was written by a stranger: tokens that the registry does not know are named by
 * their address, never by what they say of themselves (R9).
 */
export function questionFor(
  intent: IntentRow,
  plan: IntentPlan,
  adapter: Pick<ChainAdapter, 'chain' | 'native' | 'codec'>,
): Question {
  const { chain, native } = adapter
  const effects = stepsOf(plan).flatMap((step) => step.effects)
  const more = effects.length - MOST_EFFECTS
  const fee = formatUnits(ceilingOf(plan, adapter.codec), native.decimals)
  const findings = stepsOf(plan).flatMap((step) => step.findings)
  const warnings = new Set(findings.filter(({ severity }) => severity !== 'info').map(({ code }) => code))
  const lines = [
    `Pay from wallet "${intent.wallet}" (${intent.account}) on ${chain.name} (${chain.id})?`,
    `Recipient or contract: ${plan.to}`,
    ...effects.slice(0, MOST_EFFECTS).map(effectWords),
    ...(more > 0 ? [`and ${more} more effects: "bursar approvals show ${intent.id}" has all`] : []),
    `Fees: at most ${fee} ${native.symbol ?? ''}`.trimEnd(),
    ...(warnings.size > 0 ? [`Warnings: ${[...warnings].join(', ')}`] : []),
    `Digest: ${intent.digest}`,
  ]
  const { id, digest, principal } = intent
  const key = digestOf({ intentId: id, digest, principal, planDigest: planDigestOf(intent) })
  return { key, message: lines.join('\n') }
}

/** One effect in words. */
function effectWords({ kind, from, to, asset, raw }: StoredEffect): string {
  const name = asset.symbol ?? asset.id
  const amount = `${formatUnits(BigInt(raw), asset.decimals)} ${name}`
  if (kind === 'transfer') return `${amount} from ${from} to ${to}`
  if (kind === 'operator') return `${to} may move everything that ${from} has of ${name}`
  return `${to} may take ${amount} from ${from}`
}
