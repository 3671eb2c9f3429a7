import { zeroAddress } from 'viem'
import type { Asset, Effect } from '../../chains/adapter.ts'
import { formatUnits } from '../../primitives/amount.ts'
import { type Finding, milderFinding } from '../../primitives/findings.ts'
import { swapOf } from '../calls/swaps.ts'
import { commandedIn } from '../simulation/silentMoves.ts'
import type { Evidence } from './evidence.ts'

/**
 * One asset goes for another, and no call says so in words that are known: aggregators and newer routers. Shares that
 * are made for what is paid in, or unmade for what is paid out, are no exchange.
 */
export function unreadSwaps({ effects, assets, declared, task }: Evidence): readonly Finding[] {
  if (declared.some((call) => swapOf(call) !== undefined)) return []
  const { from } = task.payload
  return [from, ...commandedIn(from, declared)].flatMap((owner) => {
    const counted = effects.filter(
      ({ asset }) => asset.id === assets.native.id || asset.id.includes('/erc20:'),
    )
    const changes = netOf(owner, counted)
    const given = changes.find(({ raw }) => raw < 0n)
    const got = changes.find(({ raw }) => raw > 0n)
    if (!given || !got) return []
    const detail = `${show(given.asset, -given.raw)} would go for ${show(got.asset, got.raw)}, by calls that cannot be read`
    const unknown = 'whether a bound keeps others from trading around it is not known'
    return [milderFinding('loose-slippage', `${detail}: ${unknown}`)]
  })
}

interface Change {
  readonly asset: Asset
  readonly raw: bigint
}

function netOf(owner: string, effects: readonly Effect[]): readonly Change[] {
  const changes = new Map<string, Change>()
  for (const { kind, asset, from, to, raw } of effects) {
    if (kind !== 'transfer' || from === zeroAddress || to === zeroAddress) continue
    const change = (to === owner ? raw : 0n) - (from === owner ? raw : 0n)
    changes.set(asset.id, { asset, raw: (changes.get(asset.id)?.raw ?? 0n) + change })
  }
  return [...changes.values()]
}

const show = ({ decimals, symbol, id }: Asset, raw: bigint) => `${formatUnits(raw, decimals)} ${symbol ?? id}`
