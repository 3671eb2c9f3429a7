import { randomBytes } from 'node:crypto'

export type IdPrefix = 'int' | 'op' | 'step' | 'att' | 'res' | 'proc'

/** A new id of 128 random bits: `<prefix>_<32 hex digits>`. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${randomHex(16)}`
}

/** So many random bytes as lower-case hex, without 0x. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex')
}
