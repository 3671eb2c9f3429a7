import { pbkdf2, type ScryptOptions, scrypt } from 'node:crypto'
import { promisify } from 'node:util'

export interface ScryptParameters {
  readonly n: number
  readonly r: number
  readonly p: number
  /** Hex, without 0x. */
  readonly salt: string
}

export interface Pbkdf2Parameters {
  /** Rounds of HMAC-SHA-256. */
  readonly c: number
  /** Hex, without 0x. */
  readonly salt: string
}

const BYTES = 32

const scryptAsync = promisify<Buffer, Buffer, number, ScryptOptions, Buffer>(scrypt)
const pbkdf2Async = promisify(pbkdf2)

/** Bytes that scrypt works in (RFC 7914, section 5). */
export const scryptMemory = ({ n, r, p }: Omit<ScryptParameters, 'salt'>) => 128 * r * (n + p + 2)

/**
 * 32 bytes from a password, in Node's thread pool: nothing else waits for it. One at a time: the usual parameters take
 * a second and 256 MiB each.
 */
export function derivation(): (
  password: Buffer,
  parameters: ScryptParameters | Pbkdf2Parameters,
) => Promise<Buffer> {
  let last: Promise<unknown> = Promise.resolve()
  return (password, parameters) => {
    const mine = last.then(() => derive(password, parameters))
    last = mine.then(ended, ended)
    return mine
  }
}

const ended = () => undefined

function derive(password: Buffer, parameters: ScryptParameters | Pbkdf2Parameters): Promise<Buffer> {
  const salt = Buffer.from(parameters.salt, 'hex')
  if ('c' in parameters) return pbkdf2Async(password, salt, parameters.c, BYTES, 'sha256')
  const { n, r, p } = parameters
  return scryptAsync(password, salt, BYTES, { N: n, r, p, maxmem: scryptMemory(parameters) })
}
