import { BursarError } from '../../errors/bursarError.ts'

/** A block as the chain of heads needs it. */
export interface HeadBlock {
  readonly number: bigint
  readonly hash: string
  readonly parentHash: string
  /** Seconds since the Unix epoch, as the chain says. */
  readonly timestamp: number
}

/** Which block, and no more. */
export interface BlockPoint {
  readonly number: bigint
  readonly hash: string
}

/** The block that an answer or a newHeads notice describes. Throws `provider_garbage` when it is none. */
export function parseBlock(value: unknown, host: string): HeadBlock {
  const block = recordOf(value, 'a block', host)
  return {
    number: quantityOf(block['number'], 'a block number', host),
    hash: hashOf(block['hash'], 'a block hash', host),
    parentHash: hashOf(block['parentHash'], 'a parent hash', host),
    timestamp: Number(quantityOf(block['timestamp'], 'a block timestamp', host)),
  }
}

export function recordOf(value: unknown, what: string, host: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>
  throw garbage(host, `${what} is not an object`)
}

export function quantityOf(value: unknown, what: string, host: string): bigint {
  if (typeof value === 'string' && /^0x[0-9a-f]{1,16}$/i.test(value)) return BigInt(value)
  throw garbage(host, `${what} is not a quantity`)
}

/** 32 bytes in lower case, so that equal hashes are equal text. */
export function hashOf(value: unknown, what: string, host: string): string {
  if (typeof value === 'string' && /^0x[0-9a-f]{64}$/i.test(value)) return value.toLowerCase()
  throw garbage(host, `${what} is not a hash`)
}

export function garbage(host: string, reason: string): BursarError {
  return new BursarError('provider_garbage', { host, reason })
}

export const toHex = (value: bigint): string => `0x${value.toString(16)}`
