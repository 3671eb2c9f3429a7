import { type Amount, formatUnits } from '../primitives/amount.ts'
import type { Asset } from './adapter.ts'
import type { Chain } from './types.ts'

/** An amount as answers show it (R8). */
export function amountOf(asset: Asset, raw: bigint | string): Amount {
  const units = BigInt(raw)
  return {
    asset: asset.id,
    raw: units.toString(),
    display: formatUnits(units, asset.decimals),
    ...(asset.symbol === undefined ? {} : { symbol: asset.symbol }),
    ...(asset.claims === undefined ? {} : { claims: asset.claims }),
  }
}

const GWEI_DECIMALS = 9

export function gweiOf(wei: bigint | string): string {
  return formatUnits(BigInt(wei), GWEI_DECIMALS)
}

/** The native asset of a chain, as CAIP-19 names it. */
export function nativeAsset({ id, native }: Chain): Asset {
  return { id: `${id}/slip44:${native.slip44}`, decimals: native.decimals, symbol: native.symbol }
}
