import type { Asset, Outflow } from '../../chains/adapter.ts'
import type { PayloadCall } from '../../chains/payloadCalls.ts'
import type { Chain } from '../../chains/types.ts'

/** What one transaction takes from its account, for whom. */
export interface PaidOut extends Outflow {
  readonly recipient: string
}

/** One transaction as the rules of a policy file see it. */
export interface Matter {
  readonly chain: Chain
  /** Name of the wallet, and its account. */
  readonly wallet: string
  readonly account: string
  readonly principal: string
  /** By asset; approvals count as what they allow. */
  readonly outflows: readonly Outflow[]
  /** The same with what approvals before it, of the same intent, let others take. */
  readonly intentOutflows: readonly Outflow[]
  /** The same by asset and whom it reaches. */
  readonly paidOut: readonly PaidOut[]
  /** What approvals of the same operation count for already, by asset and who may take it. */
  readonly countedBefore: readonly PaidOut[]
  /** Whom its bytes name: who is paid or may take, what is called; the account and what it commands excepted. */
  readonly recipients: readonly string[]
  /** Whom the simulation shows that it pays; the account itself and what it commands excepted. */
  readonly reached: readonly string[]
  /** Whom the simulation shows that it allows to take. */
  readonly spenders: readonly string[]
  readonly calls: readonly PayloadCall[]
  /** The most that it can pay for gas, native base units. */
  readonly maxFee: bigint
  /** Native base units per unit of gas. */
  readonly gasPrice: bigint
  readonly native: Asset
  /** The moment by the clock, and by the newest block: milliseconds since the epoch. */
  readonly moments: readonly number[]
  /** How it crosses to another chain, if it does. */
  readonly bridgeRoute?: string
  /** It only takes a permission back, or a nonce: what forbids payments does not forbid that. */
  readonly isProtective: boolean
}
