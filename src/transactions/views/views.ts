import type { GasLimitBasis, Urgency } from '../../chains/adapter.ts'
import type { Route } from '../../chains/routes.ts'
import type { Amount } from '../../primitives/amount.ts'
import type { BlockRef, ChainRef } from '../../primitives/chainRef.ts'
import type { Severity } from '../../primitives/findings.ts'
import type { OperationRow, StepRow } from '../../store/schema.ts'

/** What answers say about intents and operations. Everything is JSON-safe. */

/** One of several calls in one transaction. */
export interface CallRequest {
  readonly to: string
  readonly amount?: string
  readonly function?: string
  readonly args?: readonly string[]
  readonly data?: string
}

/** Either `to` with what belongs to it, or `calls`. */
export interface PrepareRequest extends Partial<CallRequest> {
  readonly chain: string
  readonly wallet: string
  readonly asset?: string
  readonly calls?: readonly CallRequest[]
  /** Who makes the calls, with what it holds; Multicall3 when absent. */
  readonly contractAccount?: string
  readonly urgency?: Urgency
  /** Decimal text: it waits until blocks take no more than this per unit of gas. */
  readonly maxFeeGwei?: string
  /** How long it may wait for that. */
  readonly waitHours?: number
  /** When absent: private for contract calls on chains that have a private relay. */
  readonly route?: Route
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

/** Whom an argument names: by the operator's address book, or by ENS as of a block of the chain that it is on. */
export interface NameView {
  readonly field: string
  readonly name: string
  readonly by: 'contact' | 'ens'
  readonly address: string
  readonly block?: string
}

export interface IntentView {
  readonly intentId: string
  /** `needs_approval`: not before a person has approved it; `denied`: a person has ended it. */
  readonly status: 'ready' | 'needs_approval' | 'denied' | 'executed' | 'expired'
  readonly chain: ChainRef
  readonly wallet: WalletRef
  readonly to: string
  /** Of those whom it is for, who has a name. */
  readonly names?: readonly NameView[]
  /** What leaves by the caller's word; the effects show everything that moves. */
  readonly amount: Amount
  readonly function?: string
  /** Present when it is several calls in one transaction; `to` is then the contract that makes them. */
  readonly batch?: {
    readonly calls: number
    /** What it takes less than as many transactions, at the expected price; negative when it takes more. */
    readonly saved?: { readonly gas: string; readonly amount: Amount }
  }
  /** What is signed before it, as a part of it: the approvals that it needs. */
  readonly first?: readonly string[]
  readonly gasLimit: string
  readonly route: Route
  /** Absent in what was prepared before it was told. */
  readonly gasLimitBasis?: GasLimitBasis
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
  readonly verdict: { readonly decision: 'allow' | 'needs_approval'; readonly rules: readonly string[] }
  /** Present when a person has to approve it. */
  readonly approval?: {
    readonly state: 'pending' | 'approved' | 'denied' | 'used'
    readonly why: readonly string[]
    /** What a person runs, in a terminal. */
    readonly command: string
    /** Why it was denied. */
    readonly reason?: string
  }
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
  /** Of a transaction; of a user operation, of the one that included it, and absent until one has. */
  readonly hash?: string
  /** Of a user operation, which no explorer of transactions knows. */
  readonly userOperationHash?: string
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
  /** Of how many calls it consists, when there is more than one. */
  readonly calls?: number
  readonly state: StepState
  readonly nonce?: string
  readonly attempts: readonly AttemptView[]
  readonly confirmations: number
  readonly requiredConfirmations: number
  readonly includedIn?: { readonly number: string; readonly hash: string }
  readonly gasUsed?: string
  readonly feePaid?: Amount
  /** What it is for besides the payment itself. */
  readonly role?: 'approval' | 'reset' | 'undo'
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
  readonly calls?: number
  readonly hash?: string
  readonly userOperationHash?: string
  readonly createdAt: string
}

export interface OperationPage {
  readonly operations: readonly OperationSummary[]
  readonly nextCursor?: string
}
