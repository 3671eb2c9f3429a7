import type { Asset, Effect, Outflow } from '../chains/adapter.ts'
import { outflows } from '../chains/outflows.ts'
import type { PayloadCall } from '../chains/payloadCalls.ts'
import type { NewSpend } from '../store/spending/spentWindow.ts'
import type { PaidOut } from './rules/matter.ts'
import type { Owner } from './shownEffects.ts'

/** Whose gifts are looked at, and who is no recipient of them: the account, and what only passes on. */
export interface Payer extends Owner {
  /** Contracts of the registry that keep nothing, such as Multicall3. */
  readonly passing?: readonly string[]
}

/**
 * What the effects give to others or allow them to take, by asset and recipient. A contract that follows the account's
 * command gives as the account does, and is a recipient like every other: whose it is, is its own word (T18).
 */
export function paidOut(
  { account, commanded = [], passing = [] }: Payer,
  effects: readonly Effect[],
): readonly PaidOut[] {
  const payers = new Set([account, ...commanded, ...passing])
  const sums = new Map<string, PaidOut>()
  for (const { asset, from, to, raw } of effects) {
    if (!payers.has(from) || to === account || passing.includes(to)) continue
    const key = `${asset.id} ${to}`
    sums.set(key, { asset, recipient: to, raw: (sums.get(key)?.raw ?? 0n) + raw })
  }
  return [...sums.values()]
}

/** Whom the effects pay, and whom they allow to take; what allows nothing allows nobody. */
export function partiesOf(
  owner: Payer,
  effects: readonly Effect[],
): { readonly reached: readonly string[]; readonly spenders: readonly string[] } {
  const parties = (isMeant: (kind: Effect['kind']) => boolean) => {
    const meant = effects.filter(({ kind, raw }) => isMeant(kind) && raw > 0n)
    return [...new Set(paidOut(owner, meant).map(({ recipient }) => recipient))]
  }
  return { reached: parties((kind) => kind === 'transfer'), spenders: parties((kind) => kind !== 'transfer') }
}

/** Whom the bytes themselves name: who is paid, who may take, what is called. */
export function recipientsOf(account: string, calls: readonly PayloadCall[]): readonly string[] {
  const named = calls.flatMap(({ kind, contract, to = [] }) => {
    if (kind === 'carrier') return []
    return kind === 'payment' ? to : [contract, ...to]
  })
  return [...new Set(named.filter((address) => address !== account))]
}

/** What a transaction took, by what was seen of it. A token that nobody vouches for took at least what was declared. */
export function spendsSeen(owner: Payer, declared: Outflow, effects: readonly Effect[]): readonly NewSpend[] {
  const atLeast = declared.asset.symbol === undefined ? declared : { ...declared, raw: 0n }
  const totals = outflows(owner.account, atLeast, effects, owner.commanded)
  return spendsBy(totals, paidOut(owner, effects))
}

/** As amounts count towards caps over time: the sum of an asset, and what each recipient gets of it. */
export function spendsBy(totals: readonly Outflow[], parts: readonly PaidOut[]): readonly NewSpend[] {
  return [
    ...totals.map(({ asset, raw }) => spendOf(asset, '', raw)),
    ...parts.map(({ asset, recipient, raw }) => spendOf(asset, recipient, raw)),
  ]
}

function spendOf({ id }: Asset, recipient: string, raw: bigint): NewSpend {
  return { asset: id, recipient, raw: raw.toString() }
}
