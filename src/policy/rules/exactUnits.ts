import { formatUnits } from '../../primitives/amount.ts'

/** More decimals than any token has, so that amounts of tokens with different decimals compare exactly. */
const SCALE = 96

/** A decimal text of whole units, on the common scale. */
export function unitsOf(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(SCALE, '0'))
}

/** Base units on the common scale. */
export const scaled = (raw: bigint, decimals: number): bigint => raw * 10n ** BigInt(SCALE - decimals)

export const showUnits = (units: bigint): string => formatUnits(units, SCALE)
