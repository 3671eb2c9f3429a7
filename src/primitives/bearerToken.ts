import { hash, randomBytes, timingSafeEqual } from 'node:crypto'

const ID_BYTES = 6
const SECRET_BYTES = 32
const SHAPE = /^bursar_([0-9a-f]{12})_([A-Za-z0-9_-]{43})$/
/** No secret has it as its hash that anybody could find. */
const NOBODYS_HASH = '0'.repeat(64)

/** A token as it is made: its text is shown once, its hash is kept. */
export interface MintedToken {
  /** `bursar_<id>_<secret>`: starts alike, so that scanners for leaked secrets can be told what to look for. */
  readonly text: string
  /** 12 hex digits; no secret, names the token in lists and logs. */
  readonly id: string
  /** SHA-256 of the secret as hex. Of 256 random bits nothing slower is needed: there is nothing to guess. */
  readonly hash: string
}

export interface PresentedToken {
  readonly id: string
  readonly secret: string
}

export function mintToken(): MintedToken {
  const id = randomBytes(ID_BYTES).toString('hex')
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  return { text: `bursar_${id}_${secret}`, id, hash: hash('sha256', secret) }
}

/** The parts of a token; undefined for what is none. */
export function parseToken(text: string): PresentedToken | undefined {
  const [, id, secret] = SHAPE.exec(text) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

/** Whether the secret has that hash, in a time that does not tell how much of it is right. */
export function matchesHash(secret: string, expected: string | undefined): boolean {
  const actual = Buffer.from(hash('sha256', secret), 'hex')
  return timingSafeEqual(actual, Buffer.from(expected ?? NOBODYS_HASH, 'hex'))
}
