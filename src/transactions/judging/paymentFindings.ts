import type { Asset, Effect, Outflow, Rehearsal } from '../../chains/adapter.ts'
import { formatUnits } from '../../primitives/amount.ts'
import { type Finding, finding } from '../../primitives/findings.ts'

/** Per cent of what the account has of an asset, above which a payment is a large one. */
const LARGE_SHARE = 50n

/** What an account gives that has little left of it afterwards. What comes in with the same transaction counts. */
export function largeShares(
  account: string,
  native: Asset,
  { outcome, nativeBalance, tokenBalances }: Rehearsal,
): readonly Finding[] {
  const leaving = new Map<string, { readonly asset: Asset; readonly raw: bigint }>()
  for (const { kind, asset, from, to, raw } of outcome.effects) {
    if (kind !== 'transfer' || from === to) continue
    const change = from === account ? raw : to === account ? -raw : 0n
    leaving.set(asset.id, { asset, raw: (leaving.get(asset.id)?.raw ?? 0n) + change })
  }
  return [...leaving.values()].flatMap(({ asset, raw }) => {
    const balance = asset.id === native.id ? nativeBalance : tokenBalances.get(asset.id)
    if (balance === undefined || balance === 0n || raw * 100n <= balance * LARGE_SHARE) return []
    const [gone, had] = [raw, balance].map((each) => formatUnits(each, asset.decimals))
    const name = asset.symbol ?? asset.id
    const detail = `${gone} of the ${had} ${name} that ${account} has would leave, ${(raw * 100n) / balance} per cent`
    return [finding('large-share', detail)]
  })
}

/** `to` is an address, or says which calls of a batch it is that pay somebody new. */
export function firstRecipient(account: string, to: string): Finding {
  return finding(
    'first-recipient',
    `${account} has paid nothing to ${to} before, as far as the journal knows`,
  )
}

/** What is to become of the tokens that a payment names: they are paid to somebody, or taken by whom that was allowed. */
export type Meant = { readonly paidTo: string } | { readonly takenBy: string }

/** Where the tokens that a payment names do not go as it says, by what the simulation shows. */
export function unlikeMeant(
  account: string,
  { asset, raw }: Outflow,
  meant: Meant | undefined,
  effects: readonly Effect[],
): readonly Finding[] {
  if (meant === undefined) return []
  const moves = effects.filter(({ kind, asset: { id } }) => kind === 'transfer' && id === asset.id)
  const sum = (side: 'from' | 'to', party: string) =>
    moves.filter((each) => each[side] === party).reduce((total, each) => total + each.raw, 0n)
  const show = (amount: bigint) => `${formatUnits(amount, asset.decimals)} ${asset.symbol ?? asset.id}`
  if ('takenBy' in meant) {
    const taken = sum('from', account)
    if (taken >= raw) return []
    const detail = `${meant.takenBy} is allowed ${show(raw)} and would take ${show(taken)}: the rest stays allowed`
    return [finding('allowance-left', detail)]
  }
  const { paidTo } = meant
  const received = sum('to', paidTo)
  if (received >= raw || paidTo === account) return []
  if (received === 0n) {
    const detail = `the token lets it pass, and nothing of the ${show(raw)} reaches ${paidTo}`
    return [finding('not-received', detail)]
  }
  const detail = `${paidTo} receives ${show(received)} of the ${show(raw)}: the token keeps the rest`
  return [finding('transfer-fee', detail)]
}
