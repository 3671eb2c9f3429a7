import { hash } from 'node:crypto'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/**
 * JSON with object keys sorted and no white space, so that equal values give equal text.
 * Throws a TypeError on what JSON would silently change: undefined members, bigint, NaN.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return JSON.stringify(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError('canonicalJson: number is not finite')
    return JSON.stringify(value)
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (typeof value === 'object') {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`).join(',')}}`
  }
  throw new TypeError(`canonicalJson: ${typeof value} has no canonical form`)
}

/** SHA-256 over the canonical JSON of a value, as 0x-prefixed hex (32 bytes). */
export function digestOf(value: unknown): string {
  return `0x${hash('sha256', canonicalJson(value))}`
}
