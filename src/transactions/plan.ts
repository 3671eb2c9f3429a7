import type {
  Asset,
  ChainAdapter,
  Earlier,
  Effect,
  FeeTerms,
  GasLimitBasis,
  Outflow,
  Payload,
  Rehearsal,
  Separately,
  Urgency,
} from '../chains/adapter.ts'
import type { SimulationReceipt } from '../chains/simulationReceipt.ts'
import type { NeededApproval } from '../policy/neededApproval.ts'
import type { PaidOut } from '../policy/rules/matter.ts'
import type { Finding } from '../primitives/findings.ts'
import { digestOf } from '../primitives/json.ts'
import type { ChosenVariants } from '../store/flags/flagUses.ts'
import type { AuditedVerdict } from '../store/intents.ts'
import type { StepRow } from '../store/schema.ts'
import type { NewStep } from '../store/steps/newSteps.ts'
import type { Case, Verdict } from './judging/judge.ts'
import { effectsToKeep } from './judging/keptEffects.ts'
import type { Meant } from './judging/paymentFindings.ts'
import { OWN_PRINCIPAL } from './ownPrincipal.ts'
import type { NamedRecipient } from './recipients/recipients.ts'

/** One prepared transaction as the journal keeps it: everything that will be signed, and everything that was shown. */
export interface StepPlan {
  readonly payload: Payload
  readonly terms: FeeTerms
  /** Absent where nobody chose: in replacements, and in plans of before. */
  readonly urgency?: Urgency
  readonly gasLimitBasis?: GasLimitBasis
  /** Recipient or contract, as the caller meant it. */
  readonly to: string
  readonly signature?: string
  readonly outflow: StoredAmount
  /** Present when it is several calls in one transaction. */
  readonly batch?: Batch
  /** What is to become of it, where that can be seen. */
  readonly meant?: Meant
  /** At the base fee of the next block, as of the simulation; native base units. */
  readonly expectedFee: string
  /** The most that the chain may take besides gas, native base units; absent where it takes nothing. */
  readonly surcharge?: string
  readonly receipt: SimulationReceipt
  readonly effects: readonly StoredEffect[]
  /** Contracts at the account's command, whose effects count as its own. */
  readonly commanded?: readonly string[]
  /** How many more there are: between others, or of nothing. */
  readonly moreEffects: number
  readonly findings: readonly Finding[]
  readonly rules: readonly string[]
}

/** A prepared payment: the transaction that it is for, and those that it needs first. */
export interface IntentPlan extends StepPlan {
  /** In order, from the same account. */
  readonly first?: readonly FirstStep[]
  /** Present when all of it may go by a private relay only. */
  readonly route?: 'private'
  /** Why a person has to approve it; absent where nobody has to. */
  readonly approval?: NeededApproval
  /** Whom it is for by name, as of when it was prepared. */
  readonly names?: readonly NamedRecipient[]
  /** It is queued until a block takes what it offers (C9). */
  readonly waitsForFees?: true
  /** Present when it moves nothing and is to use this very nonce. */
  readonly fills?: string
  /** Variants that operators' rules have chosen for it, by flag; absent when there are none. */
  readonly flags?: ChosenVariants
  /** Present when it is to take the nonce of an attempt that waits. */
  readonly replaces?: Replaced
}

/** What was judged of a plan, as the audit log tells it; nothing of a plan that moves nothing and is not signed. */
export function verdictOf(plan: IntentPlan): AuditedVerdict {
  const steps = stepsOf(plan)
  const findings = new Set(steps.flatMap((each) => each.findings.map(({ code }) => code)))
  const rules = new Set(steps.flatMap((each) => each.rules))
  const { policy, backend } = plan.receipt
  return { verdict: 'allow', policy, backend, rules: [...rules].join(), findings: [...findings].join() }
}

/** Several calls in one transaction, and what they take less than by themselves; negative when they take more. */
export interface Batch {
  readonly calls: number
  /** Whom it pays, the account itself excepted. */
  readonly payees: readonly string[]
  /** Units of gas, and native base units at the expected price; absent when it could not be measured. */
  readonly saved?: { readonly gas: string; readonly raw: string }
}

/** What has to happen before a payment can. */
export interface FirstStep extends StepPlan {
  readonly role: 'approval' | 'reset'
  /** Base units that its spender may take before, of what the plan is to pay; absent where that is nothing. */
  readonly overwrites?: string
}

/** What other bytes at the same nonce are for. */
export interface Replaced {
  readonly operationId: string
  readonly kind: 'speed_up' | 'cancel'
  /** The attempt that stood at the nonce when the replacement was prepared; absent when nothing was signed. */
  readonly attemptId?: string
  readonly nonce?: string
}

export interface StoredAmount {
  readonly asset: Asset
  readonly raw: string
}

export interface StoredEffect extends StoredAmount {
  readonly kind: Effect['kind']
  readonly from: string
  readonly to: string
}

/**
 * Digest over every field that will be signed, except the nonces, which are reserved late (R4), over the route: what was
 * to stay private is not sent otherwise, and over the names that have to lead to where they led.
 */
export function intentDigest({
  payload,
  terms,
  first,
  route,
  names,
}: Pick<IntentPlan, 'payload' | 'terms' | 'first' | 'route' | 'names'>): string {
  const before = first?.map((each) => ({ payload: each.payload, terms: each.terms }))
  return digestOf({
    payload,
    terms,
    ...(before && { first: before }),
    ...(route && { route }),
    ...(names && { names }),
  })
}

/** The transactions of a plan in the order in which they are signed; the last one is what it is for. */
export function stepsOf(plan: IntentPlan): readonly PlannedStep[] {
  const { waitsForFees, route } = plan
  const first = (plan.first ?? []).map((each) => {
    return { ...each, ...(waitsForFees && { waitsForFees }), ...(route && { route }) }
  })
  return [...first, { ...plan, role: 'pivot' }]
}

export type PlannedStep = StepPlan &
  Pick<IntentPlan, 'waitsForFees' | 'route'> & { readonly role: 'approval' | 'reset' | 'pivot' }

/** What comes before a transaction of a plan. */
export function before(
  earlier: readonly Earlier[],
  steps: readonly Pick<StepPlan, 'payload'>[],
): readonly Earlier[] {
  return [...earlier, ...steps.map(({ payload }) => ({ payload }))]
}

/** What was shown of a step; undefined for one that takes an approval back, which was in no plan. */
export function planOfStep(plan: IntentPlan, { role, position }: StepRow): StepPlan | undefined {
  // A replacement is for one step only.
  if (role === 'pivot' || plan.replaces) return plan
  return role === 'undo' ? undefined : plan.first?.[position]
}

/**
 * A step of the journal that was simulated again, to be judged against what its caller was shown: what is signed is what
 * the step says. What takes an approval back may take nothing but fees.
 */
export function caseOfStep(
  plan: IntentPlan,
  step: StepRow,
  whose: Pick<Case, 'wallet' | 'principal'>,
  seen: { readonly adapter: ChainAdapter; readonly rehearsal: Rehearsal; readonly askedAt: number },
): Case {
  const order = { payload: JSON.parse(step.payload) as Payload, terms: JSON.parse(step.terms) as FeeTerms }
  const planned = planOfStep(plan, step)
  const { waitsForFees } = plan
  // Whichever says so: what was to stay private is not made public by changing one of them.
  const route = plan.route ?? (JSON.parse(step.receipt) as SimulationReceipt).route
  const more = { ...(waitsForFees && { waitsForFees }), ...(route === 'private' && { route }) }
  if (planned) return caseOf({ ...planned, ...order, ...more }, whose, seen)
  const outflow = { asset: seen.adapter.native, raw: 0n }
  return { ...seen, ...order, ...whose, outflow, shown: [], isProtective: true }
}

/** How a step is priced, and what its node suggests: what another program would pay that sends it now. */
export function pricedAs(
  { suggestedGasPrice }: Rehearsal,
  pace: StepRow['pace'] | undefined,
): Pick<NewStep, 'suggested' | 'pace'> {
  return {
    ...(suggestedGasPrice === undefined ? {} : { suggested: suggestedGasPrice.toString() }),
    ...(pace && { pace }),
  }
}

/**
 * Whether a plan may no longer be signed. One from the future has expired as well: the clock was set back, so its age
 * is not known (F20).
 */
export function isExpired(plan: IntentPlan, expiresAt: string, now: number): boolean {
  return now < Date.parse(plan.receipt.simulatedAt) || now >= Date.parse(expiresAt)
}

/** A plan that was simulated again, to be judged against what its caller was shown. */
export function caseOf(
  plan: StepPlan & Pick<IntentPlan, 'first' | 'replaces' | 'waitsForFees' | 'route'>,
  whose: Pick<Case, 'wallet' | 'principal'>,
  seen: { readonly adapter: ChainAdapter; readonly rehearsal: Rehearsal; readonly askedAt: number },
): Case {
  const { payload, terms, outflow, effects, meant, surcharge = '0' } = plan
  const { waitsForFees = false, route = 'public', first, replaces } = plan
  return {
    ...seen,
    waitsForFees,
    route,
    ...whose,
    ...(first && { allowedBefore: allowedIn(first) }),
    ...((whose.principal === OWN_PRINCIPAL || replaces?.kind === 'cancel') && { isProtective: true }),
    payload,
    terms,
    ...(meant && { meant }),
    outflow: { asset: outflow.asset, raw: BigInt(outflow.raw) },
    shownSurcharge: BigInt(surcharge),
    shown: effects.map((effect) => ({ ...effect, raw: BigInt(effect.raw) })),
  }
}

/** What earlier transactions of a plan let others take. */
export function allowedIn(first: readonly StepPlan[]): readonly PaidOut[] {
  return first.flatMap(({ payload, effects }) => {
    const allowances = effects.filter(({ kind, from }) => kind !== 'transfer' && from === payload.from)
    return allowances.map(({ asset, to, raw }) => ({ asset, recipient: to, raw: BigInt(raw) }))
  })
}

/** The assets that a plan is expected to take from its account. */
export function leavingAssets({ payload, outflow, effects }: StepPlan): readonly Asset[] {
  return [outflow, ...effects.filter(({ from }) => from === payload.from)].map(({ asset }) => asset)
}

/** What was simulated and passed, and how its caller means it. */
export interface Prepared {
  readonly payload: Payload
  readonly terms: FeeTerms
  readonly urgency?: Urgency
  readonly gasLimitBasis?: GasLimitBasis
  readonly to: string
  readonly signature?: string
  readonly outflow: Outflow
  readonly meant?: Meant | undefined
  readonly rehearsal: Rehearsal
  /** Whom each call of a batch pays, if anybody. */
  readonly calls?: readonly (string | undefined)[]
  readonly separately?: Separately
  readonly verdict: Verdict
}

/** The plan of a transaction, with the effects that its caller is shown. */
export function planOf(prepared: Prepared): StepPlan {
  const { payload, terms, to, signature, outflow, meant, calls, rehearsal, verdict } = prepared
  const { urgency, gasLimitBasis } = prepared
  const { commanded } = rehearsal.outcome
  const { kept, left } = effectsToKeep(payload.from, rehearsal.outcome.effects, commanded)
  const asked = rehearsal.fees.nextBaseFee + BigInt(terms.maxPriorityFeePerGas)
  const offered = BigInt(terms.maxFeePerGas)
  const { expected, ceiling } = rehearsal.surcharge
  const price = asked < offered ? asked : offered
  return {
    payload,
    terms,
    ...(urgency && { urgency }),
    ...(gasLimitBasis && { gasLimitBasis }),
    to,
    ...(signature === undefined ? {} : { signature }),
    outflow: { asset: outflow.asset, raw: outflow.raw.toString() },
    ...(calls && { batch: batchOf(calls, prepared, price) }),
    ...(meant && { meant }),
    expectedFee: (price * rehearsal.outcome.gasUsed + expected).toString(),
    ...(ceiling > 0n ? { surcharge: ceiling.toString() } : {}),
    receipt: verdict.receipt,
    effects: storeEffects(kept),
    ...(commanded && { commanded }),
    moreEffects: left,
    findings: verdict.findings,
    rules: verdict.rules,
  }
}

function batchOf(
  calls: readonly (string | undefined)[],
  { separately, rehearsal }: Prepared,
  price: bigint,
): Batch {
  const payees = [...new Set(calls.filter((payee) => payee !== undefined))]
  if (!separately) return { calls: calls.length, payees }
  const gas = separately.gasUsed - rehearsal.outcome.gasUsed
  const raw = price * gas + separately.surcharge - rehearsal.surcharge.expected
  return { calls: calls.length, payees, saved: { gas: gas.toString(), raw: raw.toString() } }
}

function storeEffects(effects: readonly Effect[]): readonly StoredEffect[] {
  return effects.map((effect) => ({ ...effect, raw: effect.raw.toString() }))
}
