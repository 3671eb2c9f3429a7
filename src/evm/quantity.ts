import { BursarError } from '../errors/bursarError.ts'

/** A JSON-RPC quantity: hex without leading zeros. */
export function toQuantity(value: bigint): `0x${string}` {
  return `0x${value.toString(16)}`
}

/** The bigint of a JSON-RPC quantity. Throws `provider_garbage` on anything else. */
export function fromQuantity(value: unknown, what: string, host: string): bigint {
  if (typeof value === 'string' && /^0x[0-9a-fA-F]{1,64}$/.test(value)) return BigInt(value)
  throw new BursarError('provider_garbage', { host, reason: `${what} is not a quantity` })
}

/** A member of an answer that should be an object. Throws `provider_garbage` when it is not one. */
export function asObject(value: unknown, what: string, host: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new BursarError('provider_garbage', { host, reason: `${what} is not an object` })
}

/** A member of an answer that should be a list. Throws `provider_garbage` when it is not one. */
export function asList(value: unknown, what: string, host: string): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new BursarError('provider_garbage', { host, reason: `${what} is not a list` })
}

/** A member of an answer that should be 0x-prefixed bytes. Throws `provider_garbage` when it is not. */
export function asHex(value: unknown, what: string, host: string): `0x${string}` {
  if (typeof value === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(value)) return value as `0x${string}`
  throw new BursarError('provider_garbage', { host, reason: `${what} is not hex` })
}
