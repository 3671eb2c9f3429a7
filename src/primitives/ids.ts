import { randomBytes } from 'node:crypto'

export type IdPrefix = 'int' | 'op' | 'step' | 'att' | 'res' | 'proc'

/** A new id of 128 random bits: `<prefix>_<32 hex digits>`. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${randomBytes(16).toString('hex')}`
}
