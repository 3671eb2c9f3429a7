import { randomBytes, randomFillSync } from 'node:crypto'

export type IdPrefix = 'int' | 'op' | 'step' | 'att' | 'res' | 'proc'

const BYTES = 16
/** Drawn for many ids at once: to draw for one takes fifteen times as long as all else about it. */
const drawn = Buffer.alloc(256 * BYTES)
let used = drawn.length

/** A new id of 128 random bits: `<prefix>_<32 hex digits>`. */
export function newId(prefix: IdPrefix): string {
  if (used === drawn.length) {
    randomFillSync(drawn)
    used = 0
  }
  const from = used
  used += BYTES
  return `${prefix}_${drawn.toString('hex', from, used)}`
}

/** So many random bytes as lower-case hex, without 0x. */
export function randomHex(bytes: number): string {
  return randomBytes(bytes).toString('hex')
}
