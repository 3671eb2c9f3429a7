import type { Urgency } from '../chains/adapter.ts'
import type { Amount } from '../primitives/amount.ts'
import type { BlockRef, ChainRef } from '../primitives/chainRef.ts'
import type { Severity } from '../primitives/findings.ts'
import type { OperationRow, StepRow } from '../store/schema.ts'

/** What answers say about intents and operations. Everything is JSON-safe. */

export interface PrepareRequest {
  readonly chain: string
  readonly wallet: string
  readonly to: string
  readonly amount?: string
  readonly asset?: string
  readonly function?: string
  readonly args?: readonly string[]
  readonly data?: string
  readonly urgency?: Urgency
  /** Decimal text: it waits until blocks take no more than this per unit of gas. */
  readonly maxFeeGwei?: string
  /** How long it may wait for that. */
  readonly waitHours?: number
  readonly idempotencyKey: string
}

export interface ReplaceRequest {
  /** An operation id, an intent id, or an idempotency key. */
  readonly operation: string
  readonly kind: 'speed_up' | 'cancel'
  readonly urgency?: Urgency
  readonly idempotencyKey: string
}

export interface WalletRef {
  readonly name: string
  readonly address: string
}

export interface EffectView {
  readonly kind: 'transfer' | 'approval' | 'operator'
  readonly from: string
  readonly to: string
  readonly amount: Amount
}

export interface FindingView {
  readonly code: string
  readonly severity: Severity
  readonly detail: string
}

export interface IntentView {
  readonly intentId: string
  readonly status: 'ready' | 'executed' | 'expired'
  readonly chain: ChainRef
  readonly wallet: WalletRef
  readonly to: string
  /** What leaves by the caller's word; the effects show everything that moves. */
  readonly amount: Amount
  readonly function?: string
  readonly gasLimit: string
  readonly fees: {
    readonly expected: Amount
    readonly ceiling: Amount
    readonly maxFeePerGasGwei: string
    readonly maxPriorityFeePerGasGwei: string
  }
  readonly simulation: {
    readonly backend: string
    readonly block: BlockRef
    readonly gasUsed: string
    readonly effects: readonly EffectView[]
    /** Effects that were judged and are not shown. */
    readonly moreEffects?: number
    /** Simulators that were to be asked before and could not tell. */
    readonly skipped?: readonly string[]
    /** What looks dangerous, or could not be looked at; absent when nothing does. */
    readonly findings?: readonly FindingView[]
  }
  readonly verdict: { readonly decision: 'allow'; readonly rules: readonly string[] }
  readonly idempotencyKey: string
  /** Digest over every field that will be signed, except the nonce, which is reserved late (R4). */
  readonly digest: string
  readonly expiresAt: string
  readonly operationId?: string
  readonly next: string
}

/** A prepared replacement: what it is for, and what of an intent matters then. */
export interface ReplacementView
  extends Pick<IntentView, 'intentId' | 'status' | 'to' | 'amount' | 'fees' | 'expiresAt' | 'next'> {
  readonly replaces: {
    readonly operationId: string
    readonly kind: 'speed_up' | 'cancel'
    /** Absent when nothing was signed: the operation is cancelled, and there is nothing to send. */
    readonly nonce?: string
  }
}

export type StepState = StepRow['state']

export type OperationState = OperationRow['state']

export interface AttemptView {
  readonly hash: string
  readonly kind: 'original' | 'speed_up' | 'cancel'
  readonly state: 'signed' | 'sent' | 'included' | 'superseded'
  readonly explorerUrl?: string
}

export interface StepView {
  readonly chain: ChainRef
  readonly wallet: WalletRef
  /** Who receives or is called. */
  readonly to: string
  readonly amount: Amount
  readonly state: StepState
  readonly nonce?: string
  readonly attempts: readonly AttemptView[]
  readonly confirmations: number
  readonly requiredConfirmations: number
  readonly includedIn?: { readonly number: string; readonly hash: string }
  readonly gasUsed?: string
  readonly feePaid?: Amount
  /** Why the step is where it is, when that needs words. */
  readonly note?: string
}

export interface OperationView {
  readonly operationId: string
  readonly intentId: string
  readonly idempotencyKey: string
  readonly state: OperationState
  readonly sideEffect: 'none' | 'possible' | 'done'
  readonly steps: readonly StepView[]
  readonly createdAt: string
  readonly updatedAt: string
  readonly next: string
}

export interface OperationQuery {
  /** An operation id, an intent id, or an idempotency key. */
  readonly operation: string
  readonly waitSeconds?: number
  readonly until?: 'included' | 'final'
}

export interface OperationFilter {
  readonly chain?: string
  readonly wallet?: string
  readonly state?: OperationState
  readonly limit?: number
  readonly cursor?: string
}

export interface OperationSummary {
  readonly operationId: string
  readonly idempotencyKey: string
  readonly state: OperationState
  readonly chain: ChainRef
  readonly wallet: WalletRef
  /** Who receives or is called. */
  readonly to: string
  readonly amount: Amount
  readonly hash?: string
  readonly createdAt: string
}

export interface OperationPage {
  readonly operations: readonly OperationSummary[]
  readonly nextCursor?: string
}
