import type { UntrustedText } from './untrusted.ts'

// Exact amounts (R8): base units are bigint inside Bursar and decimal strings outside. JavaScript numbers
// never hold an amount.

/** An amount as answers show it. `raw` is base units, `display` is `raw / 10^decimals`, never rounded. */
export interface Amount {
  /** CAIP-19 asset id, e.g. `eip155:8453/slip44:60` or `eip155:8453/erc20:0x…`. */
  readonly asset: string
  /** Present when the registry vouches for the asset. */
  readonly symbol?: string
  /** What an unlisted token calls itself. */
  readonly claims?: UntrustedText
  readonly raw: string
  readonly display: string
}

export type AmountProblem = 'not-decimal' | 'too-many-decimals' | 'not-positive' | 'too-large'

/** The largest value a 256-bit unsigned integer holds: no chain family here carries more. */
const MAX_UINT256 = (1n << 256n) - 1n

const DECIMAL = /^(\d{1,78})(?:\.(\d{1,78}))?$/

/**
 * Base units of a decimal string such as "1.5"; or the reason why it is not an amount.
 * Signs, exponents, separators, leading dots and more fractional digits than `decimals` are refused,
 * so that nothing is ever rounded.
 */
export function parseAmount(text: string, decimals: number): bigint | AmountProblem {
  if (text.startsWith('-') && DECIMAL.test(text.slice(1))) return 'not-positive'
  const match = DECIMAL.exec(text)
  if (!match) return 'not-decimal'
  const fraction = match[2] ?? ''
  if (fraction.length > decimals) return 'too-many-decimals'
  const raw = BigInt((match[1] ?? '') + fraction.padEnd(decimals, '0'))
  return raw > MAX_UINT256 ? 'too-large' : raw
}

/** `raw / 10^decimals` written out exactly, without trailing zeros: 1500000n with 6 decimals is "1.5". */
export function formatUnits(raw: bigint, decimals: number): string {
  const sign = raw < 0n ? '-' : ''
  const digits = (raw < 0n ? -raw : raw).toString().padStart(decimals + 1, '0')
  const whole = digits.slice(0, digits.length - decimals)
  const fraction = digits.slice(digits.length - decimals).replace(/0+$/, '')
  return sign + (fraction === '' ? whole : `${whole}.${fraction}`)
}
