import type { Asset, Rehearsal } from '../chains/adapter.ts'
import { formatUnits } from '../primitives/amount.ts'
import { type Finding, finding } from '../primitives/findings.ts'

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

export function firstRecipient(account: string, to: string): Finding {
  return finding(
    'first-recipient',
    `${account} has paid nothing to ${to} before, as far as the journal knows`,
  )
}
