import type { BlockRef } from '../primitives/chainRef.ts'
import type { Finding } from '../primitives/findings.ts'
import type { UntrustedText } from '../primitives/untrusted.ts'
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

/** What a caller wants to do, before anything is resolved against a chain. */
export interface Action {
  /** Recipient, or the contract to call. */
  readonly to: string
  /** Transfer: how much of `asset`, in whole units. Call: native tokens to send along. */
  readonly amount?: string
  /** "native", a registry symbol or a token address; calls carry native only. */
  readonly asset?: string
  /** Human-readable signature, such as `approve(address,uint256)`. */
  readonly function?: string
  /** One text per parameter; arrays and tuples as JSON text. */
  readonly args?: readonly string[]
  /** Raw calldata, instead of `function` and `args`. */
  readonly data?: string
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
  /** What it does in a block that differs from the one it ran in, as blocks do; absent where nothing can depend on it. */
  readonly elsewhere?: { readonly ok: boolean; readonly effects: readonly Effect[] }
}

export type Urgency = 'slow' | 'standard' | 'fast'

/** How urgent a transaction is, and the price per unit of gas that may never be exceeded, in native base units. */
export interface PriceLimit {
  readonly urgency: Urgency
  readonly maxGasPrice: bigint
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
  /** Balances of the tokens that leave the payer, by CAIP-19 id; a token that does not answer is absent. */
  readonly tokenBalances: ReadonlyMap<string, bigint>
  /** The account's next nonce by mined transactions only; `pending` counts are never asked for. */
  readonly minedCount: bigint
  readonly fees: FeeReading
  readonly surcharge: Surcharge
}

/** A transaction of the account that was signed and is not mined, as far as the journal knows. */
export interface Earlier {
  readonly nonce: bigint
  readonly payload: Payload
}

export interface Planned {
  readonly payload: Payload
  readonly terms: FeeTerms
  readonly rehearsal: Rehearsal
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
    /** Native base units paid for gas. */
    readonly feePaid: bigint
    /** What moved and was allowed, as its receipt tells: native tokens are not told. Throws `effects_too_many`. */
    readonly effects: () => Promise<readonly Effect[]>
  }
}

/** A nonce that is used, and the transactions of ours of which one was to use it. */
export interface NonceUse {
  readonly account: string
  readonly nonce: bigint
  readonly hashes: readonly string[]
  /** Number of the newest block whose uses are final. */
  readonly newest: bigint
}

/** What came of handing bytes to the network. Anything that is not acceptance proves nothing (R14). */
export type SubmitResult =
  | { readonly outcome: 'accepted' }
  | {
      readonly outcome: 'unknown'
      /** What the endpoints said, for the log. */
      readonly evidence: string
      /** What one of them seems to mean, in our words. */
      readonly reason?: string
    }

export interface BalanceReading {
  readonly block: BlockRef
  /** In the order asked: accounts, then assets. A missing raw is an asset that did not answer. */
  readonly balances: readonly { readonly account: string; readonly asset: Asset; readonly raw?: bigint }[]
}

/** The family-specific half of the engine, one per configured chain. */
export interface ChainAdapter {
  readonly chain: Chain
  readonly codec: PayloadCodec
  /** Canonical spelling of an address; throws `address_invalid` naming `field`. */
  address(text: string, field: string): string
  /** Resolves "native", a registry symbol or a token address; decimals come from the chain. */
  asset(text: string, signal: AbortSignal): Promise<Asset>
  draft(action: Action, from: string, signal: AbortSignal): Promise<Draft>
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
  /**
   * Throws `provider_disagreement` when endpoints tell different things of how a transaction was included, or its block
   * is not in the chain.
   */
  confirmInclusion(seen: Required<TransactionStatus>, signal: AbortSignal): Promise<void>
  status(account: string, hashes: readonly string[], ask: StatusAsk): Promise<StatusReading>
  /** Whether an endpoint that works knows one of the transactions; undefined when none answers. */
  isKnown(hashes: readonly string[], signal: AbortSignal): Promise<boolean | undefined>
  /**
   * Whether a nonce was proven to be used by a transaction that is none of these: every endpoint that answers says so,
   * and where there are several at least two do.
   */
  usedByAnother(use: NonceUse, signal: AbortSignal): Promise<boolean>
  /** Hash of the chain's first block: two chains may share an id, never this. */
  genesis(signal: AbortSignal): Promise<string>
  /** The native asset. */
  readonly native: Asset
}

/** Heads of a chain, as they are pushed. */
export interface HeadWatch {
  /** Whether they are pushed now: then there is no need to look for them. */
  pushed(): boolean
  stop(): void
}

/** The chains that can be used now, each with its adapter. */
export interface ChainDirectory {
  /** Every chain that is known, configured or not. */
  known(): readonly Chain[]
  /** The chain of an id or alias; throws `chain_unknown`. Asks no endpoint. */
  resolve(text: string): Chain
  /** Its adapter; throws `chain_not_configured`. Waits for the sandbox when the chain is part of it. */
  adapter(text: string): Promise<ChainAdapter>
  /** Calls `moved` when the end of the chain has moved; undefined where nothing can be pushed. */
  watch(chain: string, moved: () => void): Promise<HeadWatch | undefined>
  /** The chains that have endpoints, or will have them once the sandbox is up. */
  configured(): readonly Chain[]
}
