import type { Asset, ChainAdapter, FeeTerms, Payload, Rehearsal } from '../chains/adapter.ts'
import type { Chain } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { formatUnits } from '../primitives/amount.ts'

export interface Funding {
  readonly wallet: string
  readonly payload: Payload
  readonly terms: FeeTerms
  readonly outflow: { readonly asset: Asset; readonly raw: bigint }
  readonly rehearsal: Rehearsal
}

/** What unfinished steps of the account may still take, by CAIP-19 id, in base units. */
export type Held = ReadonlyMap<string, bigint>

/**
 * Throws `insufficient_funds` with the exact shortfall when the account cannot pay, counting everything that is
 * in flight from it (C6).
 */
export function requireFunds(adapter: ChainAdapter, funding: Funding, held: Held): void {
  const { payload, terms, outflow, rehearsal, wallet } = funding
  if (outflow.asset.address !== undefined && rehearsal.tokenBalance !== undefined) {
    const inFlight = held.get(outflow.asset.id) ?? 0n
    require(adapter.chain, wallet, outflow.asset, outflow.raw, rehearsal.tokenBalance, inFlight, 'the amount')
  }
  const value = adapter.codec.value(payload)
  const fee = adapter.codec.maxFee(payload, terms)
  const detail = `${show(value, adapter.native)} to send and up to ${show(fee, adapter.native)} for gas`
  const inFlight = held.get(adapter.native.id) ?? 0n
  require(adapter.chain, wallet, adapter.native, value + fee, rehearsal.nativeBalance, inFlight, detail)
}

function require(
  chain: Chain,
  wallet: string,
  asset: Asset,
  needed: bigint,
  balance: bigint,
  inFlight: bigint,
  detail: string,
): void {
  const available = balance > inFlight ? balance - inFlight : 0n
  if (needed <= available) return
  const context = {
    wallet,
    asset: asset.symbol ?? asset.id,
    needed: show(needed, asset),
    available: show(available, asset),
    shortfall: show(needed - available, asset),
    detail: inFlight > 0n ? `${detail}; ${show(inFlight, asset)} is held for payments in flight` : detail,
  }
  throw new BursarError('insufficient_funds', context, { chain: chain.id })
}

const show = (raw: bigint, asset: Asset) => formatUnits(raw, asset.decimals)
