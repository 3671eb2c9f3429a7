import type { Asset, ChainAdapter, Effect, FeeTerms, Outflow, Payload, Rehearsal } from '../chains/adapter.ts'
import type { SimulationReceipt } from '../chains/simulationReceipt.ts'
import type { Finding } from '../primitives/findings.ts'
import { digestOf } from '../primitives/json.ts'
import type { AsOf } from '../store/reservations.ts'
import type { Case, Verdict } from './judge.ts'
import { effectsToKeep } from './keptEffects.ts'

/** A prepared payment as the journal keeps it: everything that will be signed, and everything that was shown. */
export interface IntentPlan {
  readonly payload: Payload
  readonly terms: FeeTerms
  /** Recipient or contract, as the caller meant it. */
  readonly to: string
  readonly signature?: string
  readonly outflow: StoredAmount
  /** At the base fee of the next block, as of the simulation; native base units. */
  readonly expectedFee: string
  /** The most that the chain may take besides gas, native base units; absent where it takes nothing. */
  readonly surcharge?: string
  readonly receipt: SimulationReceipt
  readonly effects: readonly StoredEffect[]
  /** How many more there are: between others, or of nothing. */
  readonly moreEffects: number
  readonly findings: readonly Finding[]
  readonly rules: readonly string[]
  /** It is queued until a block takes what it offers (C9). */
  readonly waitsForFees?: true
  /** Present when it moves nothing and is to use this very nonce. */
  readonly fills?: string
  /** Present when it is to take the nonce of an attempt that waits. */
  readonly replaces?: Replaced
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

/** Digest over every field that will be signed, except the nonce, which is reserved late (R4). */
export function intentDigest(payload: Payload, terms: FeeTerms): string {
  return digestOf({ payload, terms })
}

/** When the balances of a rehearsal were read. */
export function asOfRehearsal({ block, minedCount }: Rehearsal): AsOf {
  return { block: block.number, minedCount }
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
  plan: IntentPlan,
  wallet: string,
  seen: { readonly adapter: ChainAdapter; readonly rehearsal: Rehearsal; readonly askedAt: number },
): Case {
  const { payload, terms, outflow, effects, surcharge = '0', waitsForFees = false } = plan
  return {
    ...seen,
    waitsForFees,
    wallet,
    payload,
    terms,
    outflow: { asset: outflow.asset, raw: BigInt(outflow.raw) },
    shownSurcharge: BigInt(surcharge),
    shown: effects.map((effect) => ({ ...effect, raw: BigInt(effect.raw) })),
  }
}

/** The assets that a plan is expected to take from its account. */
export function leavingAssets({ payload, outflow, effects }: IntentPlan): readonly Asset[] {
  return [outflow, ...effects.filter(({ from }) => from === payload.from)].map(({ asset }) => asset)
}

/** What was simulated and passed, and how its caller means it. */
export interface Prepared {
  readonly payload: Payload
  readonly terms: FeeTerms
  readonly to: string
  readonly signature?: string
  readonly outflow: Outflow
  readonly rehearsal: Rehearsal
  readonly verdict: Verdict
  readonly waitsForFees?: boolean
  readonly fills?: string
  readonly replaces?: Replaced
}

/** The plan of an intent, with the effects that its caller is shown. */
export function planOf(prepared: Prepared): IntentPlan {
  const { payload, terms, to, signature, outflow, rehearsal, verdict, replaces, waitsForFees, fills } =
    prepared
  const { kept, left } = effectsToKeep(payload.from, rehearsal.outcome.effects)
  const asked = rehearsal.fees.nextBaseFee + BigInt(terms.maxPriorityFeePerGas)
  const offered = BigInt(terms.maxFeePerGas)
  const { expected, ceiling } = rehearsal.surcharge
  const price = asked < offered ? asked : offered
  return {
    payload,
    terms,
    to,
    ...(signature === undefined ? {} : { signature }),
    outflow: { asset: outflow.asset, raw: outflow.raw.toString() },
    expectedFee: (price * rehearsal.outcome.gasUsed + expected).toString(),
    ...(ceiling > 0n ? { surcharge: ceiling.toString() } : {}),
    receipt: verdict.receipt,
    effects: storeEffects(kept),
    moreEffects: left,
    findings: verdict.findings,
    rules: verdict.rules,
    ...(waitsForFees ? { waitsForFees } : {}),
    ...(fills === undefined ? {} : { fills }),
    ...(replaces === undefined ? {} : { replaces }),
  }
}

function storeEffects(effects: readonly Effect[]): readonly StoredEffect[] {
  return effects.map((effect) => ({ ...effect, raw: effect.raw.toString() }))
}
