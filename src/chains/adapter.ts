import type { BlockRef } from '../primitives/chainRef.ts'
import type { Finding } from '../primitives/findings.ts'
import type { UntrustedText } from '../primitives/untrusted.ts'
import type { Action, Batch } from './actions.ts'
import type { CallKind } from './gasUses.ts'
import type { NameRecord } from './nameRecord.ts'
import type { NonceUse, NonceUser, OperationTrace } from './nonceUses.ts'
import type { PayloadCall } from './payloadCalls.ts'
import type { Chain, ChainId, Family } from './types.ts'

/**
 * One unsigned on-chain action in a form that JSON keeps unchanged (amounts are decimal strings).
 * Families extend it; the pipeline only digests, stores and passes it on.
 */
export interface Payload {
  readonly family: Family
  readonly chain: ChainId
  /** The account that signs, in the family's canonical spelling. */
  readonly from: string
}

export interface Asset {
  /** CAIP-19 id. */
  readonly id: string
  /** Contract address; absent for the native asset. */
  readonly address?: string
  readonly decimals: number
  /** Present when the registry vouches for the asset. */
  readonly symbol?: string
  /** What an unlisted token calls itself (R9). */
  readonly claims?: UntrustedText
}

/** An amount of an asset that leaves an account, in base units. */
export interface Outflow {
  readonly asset: Asset
  readonly raw: bigint
}

/** An action resolved against its chain: who gets what, before gas is known. */
export interface Draft {
  readonly from: string
  readonly to: string
  /** What leaves the wallet by the caller's word; effects may show more. */
  readonly outflow: Outflow
  readonly isCall: boolean
  /** Canonical function signature of a call, when it was given. */
  readonly signature?: string
  /** What a batch consists of, in its order; absent for a single action. */
  readonly calls?: readonly Draft[]
}

/** A draft that must have happened before another one can: `reset` only clears the way for the approval after it. */
export interface ApprovalDraft extends Draft {
  readonly role: 'approval' | 'reset'
  /** What the spender may take before, in base units of the token; absent where that is nothing. */
  readonly overwrites?: bigint
}

export interface Effect {
  /** `operator`: who may take whatever the account has of a collection; 1, or 0 when that ends. */
  readonly kind: 'transfer' | 'approval' | 'operator'
  readonly asset: Asset
  readonly from: string
  /** Recipient, the spender of an approval, or the operator. */
  readonly to: string
  readonly raw: bigint
}

export interface SimulationOutcome {
  readonly ok: boolean
  readonly gasUsed: bigint
  readonly effects: readonly Effect[]
  /** Why it reverted: a decoded reason in our words, and the contract's own words apart. */
  readonly revert?: { readonly reason: string; readonly quoted?: UntrustedText }
  /** What looks dangerous, or could not be looked at. */
  readonly findings: readonly Finding[]
  /**
   * Contracts that do what the payload's own bytes tell them, such as a contract account that the account owns: what they
   * give counts as its own. Absent when there are none.
   */
  readonly commanded?: readonly string[]
  /** What it does in a block that differs from the one it ran in, as blocks do; absent where nothing can depend on it. */
  readonly elsewhere?: { readonly ok: boolean; readonly effects: readonly Effect[] }
}

export type Urgency = 'slow' | 'standard' | 'fast'

/** How urgent a transaction is, and the price per unit of gas that may never be exceeded, in native base units. */
export interface PriceLimit {
  readonly urgency: Urgency
  readonly maxGasPrice: bigint
  /** False: the gas limit goes by the estimate alone, not by what earlier calls used. */
  readonly learnsGas?: boolean
}

/** What a signer binds itself to pay, per unit of gas and in all; decimal strings of base units. */
export interface FeeTerms {
  readonly maxFeePerGas: string
  readonly maxPriorityFeePerGas: string
}

/** Base units per unit of gas. */
export interface FeeRange {
  readonly low: bigint
  readonly likely: bigint
  readonly high: bigint
}

export interface FeeReading {
  readonly block: BlockRef
  readonly baseFee: bigint
  readonly nextBaseFee: bigint
  /**
   * How it is known. `exact`: the chain's formula and the node agree. `formula` and `node`: from there alone, or
   * the higher of two that differ. `gas-price`: from the node's own suggestion, for want of a history.
   */
  readonly source: 'exact' | 'formula' | 'node' | 'gas-price'
  /** Base fees of the next six blocks, the next one first. */
  readonly forecast: readonly FeeRange[]
  /** That a tier is included within its target. */
  readonly confidence: 'low' | 'medium' | 'high'
  readonly congestion: 'low' | 'medium' | 'high'
  readonly trend: 'falling' | 'flat' | 'rising'
  readonly tiers: Readonly<Record<Urgency, FeeTerms>>
}

/**
 * What a chain takes besides gas at its price, in native base units: OP-stack chains for data on their parent chain and
 * for their operator.
 */
export interface Surcharge {
  readonly expected: bigint
  /** The most that is to be reckoned with. No field of a transaction bounds it. */
  readonly ceiling: bigint
}

export const NO_SURCHARGE: Surcharge = { expected: 0n, ceiling: 0n }

/** What is known of a payload that is to be priced and does not exist yet. */
export interface PayloadShape {
  /** Units of gas; a plain transfer's when absent. */
  readonly gasLimit?: bigint
  /** Length of its data. */
  readonly dataBytes: number
}

export interface Price {
  readonly fees: FeeReading
  /** Units of gas that are priced. */
  readonly gas: bigint
  readonly surcharge: Surcharge
  /** What of all that is for data on the parent chain and for the operator, native base units. */
  readonly dataFee: bigint
}

/** Everything about one payload at one block, read in one round trip. */
export interface Rehearsal {
  readonly block: BlockRef
  /** Who simulated it, and who was to be asked before and could not tell, with the reason. */
  readonly simulator: { readonly name: string; readonly skipped: readonly string[] }
  readonly outcome: SimulationOutcome
  /** Native balance of the payer. */
  readonly nativeBalance: bigint
  /** Native base units besides, from which only fees can be paid; absent where there is no such thing. */
  readonly deposit?: bigint
  /** Balances of the tokens that leave the payer, by CAIP-19 id; a token that does not answer is absent. */
  readonly tokenBalances: ReadonlyMap<string, bigint>
  /** The account's next nonce by mined transactions only; `pending` counts are never asked for. */
  readonly minedCount: bigint
  readonly fees: FeeReading
  readonly surcharge: Surcharge
  /** What the node itself suggests to pay per unit of gas, native base units; absent where it was not asked or does not say. */
  readonly suggestedGasPrice?: bigint
}

/**
 * A transaction of the account that comes first: it was signed and is not mined, as far as the journal knows. Without a
 * nonce it is yet to be signed.
 */
export interface Earlier {
  readonly nonce?: bigint
  readonly payload: Payload
}

export type Confidence = 'low' | 'medium' | 'high'

/** What a gas limit stands on. */
export interface GasLimitBasis {
  /** `learned`: calls of its kind needed more than the node estimates, or it could not estimate. */
  readonly source: 'estimate' | 'learned'
  /** That it is enough, by how many calls of its kind are known and how much they differ. */
  readonly confidence: Confidence
}

export interface Planned {
  readonly payload: Payload
  readonly terms: FeeTerms
  readonly gasLimitBasis: GasLimitBasis
  readonly rehearsal: Rehearsal
  /** Of a batch: what its calls take one by one; absent where nobody could measure it. */
  readonly separately?: Separately
}

/** What the calls of a batch take as transactions of their own, all together. */
export interface Separately {
  /** Units of gas. */
  readonly gasUsed: bigint
  /** Besides gas, native base units. */
  readonly surcharge: bigint
}

export interface SignedTransaction {
  readonly raw: string
  readonly hash: string
}

/** What signed bytes say about themselves, re-parsed. */
export interface ParsedTransaction {
  readonly payload: Payload
  readonly nonce: bigint
  readonly terms: FeeTerms
  readonly hash: string
}

/** Pure coding between payloads and the bytes that are signed; no I/O. */
export interface PayloadCodec {
  /** Digest that the key signs, over exactly payload, nonce and terms. */
  signingDigest(payload: Payload, nonce: bigint, terms: FeeTerms): string
  assemble(payload: Payload, nonce: bigint, terms: FeeTerms, signature: string): SignedTransaction
  /** Re-derives the payload from raw bytes. `from` is recovered from the signature. */
  parse(raw: string): Promise<ParsedTransaction>
  /** The most that can be spent on gas, in native base units; a surcharge comes on top. */
  maxFee(payload: Payload, terms: FeeTerms): bigint
  /** Native base units that the payload itself moves. */
  value(payload: Payload): bigint
  /** Units of gas that it may use. */
  gasLimit(payload: Payload): bigint
  /** What it calls; undefined for what calls no function. */
  kind(payload: Payload): CallKind | undefined
  /** Everything that its bytes ask for, what it carries included. */
  calls(payload: Payload): readonly PayloadCall[]
  /**
   * The contract that takes it from whoever brings it, where it is a user operation: its hash is then no transaction's.
   * Undefined for what is a transaction itself.
   */
  entryPoint(payload: Payload): string | undefined
}

/** What a chain says about transactions of ours at one head. */
export interface StatusReading {
  readonly head: BlockRef
  readonly minedCount: bigint
  /** Number of the newest block that the chain calls safe; absent where it was not asked for or is not served. */
  readonly safe?: bigint
  readonly transactions: readonly TransactionStatus[]
}

export interface StatusAsk {
  readonly signal: AbortSignal
  /** Also how far the chain calls itself safe. */
  readonly safe?: boolean
  /** Present when the hashes are of user operations. */
  readonly operation?: OperationTrace
}

export interface TransactionStatus {
  readonly hash: string
  /** `unseen`: the endpoint knows nothing of it; proof of nothing. */
  readonly state: 'unseen' | 'pending' | 'included'
  readonly included?: {
    readonly blockNumber: string
    readonly blockHash: string
    readonly succeeded: boolean
    readonly gasUsed: bigint
    /** What was paid per unit of gas, native base units. */
    readonly gasPrice: bigint
    /** Native base units paid in all. */
    readonly feePaid: bigint
    /** Of a user operation: the transaction that it was included by. */
    readonly transactionHash?: string
    /** What others must tell in the same words before it is final: how it ended, what it cost and moved. */
    readonly essence: string
    /** `native`: also moves of the native token, if that can be told. Throws `effects_too_many`. */
    readonly effects: (ask: { readonly native: boolean }) => Promise<Happened>
  }
}

/** What an included transaction moved and allowed. */
export interface Happened {
  readonly effects: readonly Effect[]
  /** Whether moves of the native token are among them: receipts do not tell them, and few endpoints trace. */
  readonly withNative: boolean
}

export interface BalanceReading {
  readonly block: BlockRef
  /** In the order asked: accounts, then assets. A missing raw is an asset that did not answer. */
  readonly balances: readonly { readonly account: string; readonly asset: Asset; readonly raw?: bigint }[]
}

/** The family-specific half of the engine, one per configured chain. */
/** How bytes that no node takes are brought to the chain. */
export interface BroughtBy {
  readonly draft: Draft
  /** What it would do where somebody else brings it. */
  readonly unpaid: Payload
  /** Whether a payload brings exactly these bytes. */
  isBroughtBy(payload: Payload): boolean
}

export interface ChainAdapter {
  readonly chain: Chain
  readonly codec: PayloadCodec
  /** Canonical spelling of an address; throws `address_invalid` naming `field`. */
  address(text: string, field: string): string
  /**
   * Whose address a normalised name is on a chain (CAIP-2 id), by what this chain keeps of names. Throws
   * `name_unresolved`, `names_unavailable` and `provider_disagreement`.
   */
  resolveName(name: string, forChain: string, signal: AbortSignal): Promise<NameRecord>
  /** Resolves "native", a registry symbol or a token address; decimals come from the chain. */
  asset(text: string, signal: AbortSignal): Promise<Asset>
  draft(action: Action, from: string, signal: AbortSignal): Promise<Draft>
  /**
   * Several actions as one transaction that does all of them or none. Throws what `draft` does, saying in which of them,
   * and `batch_unavailable`.
   */
  draftBatch(batch: Batch, from: string, signal: AbortSignal): Promise<Draft>
  /** What the account must allow before a draft can take the asset that it names, in order; none when that is allowed. */
  approvals(draft: Draft, signal: AbortSignal): Promise<readonly ApprovalDraft[]>
  /** Takes back what the payload of an approval has allowed. */
  revocation(approval: Payload): Draft
  /** What moves nothing and only uses up a nonce of the account: to cancel what waits there, or to fill it. */
  nothing(from: string): Draft
  /** Finds the gas limit, builds the payload and rehearses exactly that payload. */
  plan(draft: Draft, limit: PriceLimit, earlier: readonly Earlier[], signal: AbortSignal): Promise<Planned>
  /**
   * Simulates a finished payload again, after those of `earlier` that are not mined in that block, and reads what
   * execution depends on. `leaving` names the assets that are expected to leave, so that their balances come in the
   * same round trip.
   */
  rehearse(
    payload: Payload,
    terms: FeeTerms,
    leaving: readonly Asset[],
    earlier: readonly Earlier[],
    signal: AbortSignal,
  ): Promise<Rehearsal>
  fees(signal: AbortSignal): Promise<FeeReading>
  /** Fees, and what the chain takes for a payload of this shape. */
  price(shape: PayloadShape, signal: AbortSignal): Promise<Price>
  /** Every asset for every account at one block, in one round trip once the assets are known. */
  balances(
    accounts: readonly string[],
    assets: readonly Asset[],
    signal: AbortSignal,
  ): Promise<BalanceReading>
  head(signal: AbortSignal): Promise<BlockRef>
  /** Throws `accounts_unavailable` where contract accounts cannot pay; `deposit` in native base units. */
  contractAccount(address: string, signal: AbortSignal): Promise<{ deployed: boolean; deposit: bigint }>
  /**
   * Throws `provider_disagreement` when endpoints tell different things of how a transaction was included, or its block
   * is not in the chain.
   */
  confirmInclusion(seen: Required<TransactionStatus>, signal: AbortSignal): Promise<void>
  status(account: string, hashes: readonly string[], ask: StatusAsk): Promise<StatusReading>
  /** Whether an endpoint that works knows one of the transactions; undefined when none answers. */
  isKnown(hashes: readonly string[], signal: AbortSignal): Promise<boolean | undefined>
  /**
   * The transaction by which the owner of an account brings recorded bytes of it, and the same for trying it where
   * somebody else does; undefined where nodes take them.
   */
  bundle(raw: string): BroughtBy | undefined
  /** Whether the chain has a block of this number, by the word of two endpoints where two answer. */
  hasReached(number: bigint, signal: AbortSignal): Promise<boolean>
  /**
   * Whether a nonce was proven to be used by a transaction that is none of these: every endpoint that answers says so,
   * and where there are several at least two do.
   */
  usedByAnother(use: NonceUse, signal: AbortSignal): Promise<boolean>
  /**
   * What used a nonce, at or before a block: every endpoint that answers tells the same, and where there are several at
   * least two do; else undefined.
   */
  userOfNonce(
    use: Pick<NonceUse, 'account' | 'nonce' | 'newest'>,
    payload: Payload,
    signal: AbortSignal,
  ): Promise<NonceUser | undefined>
  /** Hash of the chain's first block: two chains may share an id, never this. */
  genesis(signal: AbortSignal): Promise<string>
  /** The native asset. */
  readonly native: Asset
}
