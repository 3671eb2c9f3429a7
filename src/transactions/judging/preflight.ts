import type { Asset, ChainAdapter, FeeTerms, Outflow, Payload, Rehearsal } from '../../chains/adapter.ts'
import { fundsNeeded } from '../../chains/outflows.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { formatUnits } from '../../primitives/amount.ts'
import type { Admitted } from '../../store/operations.ts'
import type { AsOf, Ledger } from '../../store/spending/reservations.ts'
import type { NewStep } from '../../store/steps/newSteps.ts'

export interface Funding {
  readonly wallet: string
  readonly payload: Payload
  readonly terms: FeeTerms
  /** What leaves by the caller's word; the simulation may show more. */
  readonly outflow: Outflow
  readonly rehearsal: Rehearsal
}

/** What decides on the fee. */
type Fee = Pick<Funding, 'payload' | 'terms' | 'rehearsal'>

/** What unfinished steps of the account may still take, by CAIP-19 id, in base units. */
export type Held = ReadonlyMap<string, bigint>

/** What one transaction may take at most. */
interface Needs {
  readonly tokens: readonly Outflow[]
  /** Native base units that leave besides the fee. */
  readonly native: bigint
  /** Native base units. */
  readonly maxFee: bigint
}

/** The most that the account may pay for a transaction to be included, in native base units. */
export function mostFee({ codec }: ChainAdapter, { payload, terms, rehearsal }: Fee): bigint {
  return codec.maxFee(payload, terms) + rehearsal.surcharge.ceiling
}

/** Everything that must be there before the transaction runs, and is held for it while it is in flight (R5). */
function needsOf(adapter: ChainAdapter, funding: Funding): Needs {
  const { codec, native } = adapter
  const { payload, outflow, rehearsal } = funding
  const needed = fundsNeeded(payload.from, outflow, rehearsal.outcome.effects)
  const moved = needed.find(({ asset }) => asset.id === native.id)?.raw ?? 0n
  const value = codec.value(payload)
  return {
    tokens: needed.filter(({ asset }) => asset.id !== native.id),
    native: moved > value ? moved : value,
    maxFee: mostFee(adapter, funding),
  }
}

/** What the journal knows, and what is going to be in it. */
export function ledgerWith({ policy, held, spent }: Ledger, more: readonly Admitted[]): Ledger {
  const sums = new Map(held)
  for (const { asset, raw } of more.flatMap(({ reservations }) => reservations))
    sums.set(asset, (sums.get(asset) ?? 0n) + BigInt(raw))
  return { policy, held: sums, spent: spent.with(more.flatMap(({ counted }) => counted.spends)) }
}

/** When the balances of a rehearsal were read. */
export function asOfRehearsal({ block, minedCount }: Rehearsal): AsOf {
  return { block: block.number, minedCount }
}

/** The same as rows of the journal, so that others see it. */
export function reservationsOf(adapter: ChainAdapter, funding: Funding): NewStep['reservations'] {
  const { tokens, native, maxFee } = needsOf(adapter, funding)
  const moved = [...tokens, { asset: adapter.native, raw: native }].filter(({ raw }) => raw > 0n)
  return [
    ...moved.map(({ asset, raw }) => ({ asset: asset.id, raw: raw.toString(), kind: 'spend' as const })),
    { asset: adapter.native.id, raw: maxFee.toString(), kind: 'fee' },
  ]
}

/**
 * Throws `insufficient_funds` with the exact shortfall when the account cannot pay, counting everything that is
 * in flight from it (C6).
 */
export function requireFunds(adapter: ChainAdapter, funding: Funding, held: Held): void {
  const { rehearsal, wallet } = funding
  const { tokens, native, maxFee } = needsOf(adapter, funding)
  for (const { asset, raw } of tokens) {
    const balance = rehearsal.tokenBalances.get(asset.id)
    if (balance === undefined) continue
    require(adapter.chain, wallet, asset, raw, balance, held.get(asset.id) ?? 0n, 'the amount')
  }
  const detail = `${show(native, adapter.native)} to send and up to ${show(maxFee, adapter.native)} for fees`
  const inFlight = held.get(adapter.native.id) ?? 0n
  const { nativeBalance, deposit } = rehearsal
  // A deposit pays fees and nothing else.
  if (deposit !== undefined)
    require(adapter.chain, wallet, adapter.native, native, nativeBalance, inFlight, 'the amount')
  const balance = nativeBalance + (deposit ?? 0n)
  require(adapter.chain, wallet, adapter.native, native + maxFee, balance, inFlight, detail)
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
