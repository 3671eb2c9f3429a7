import { createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { randomHex } from '../../primitives/ids.ts'
import { canonicalJson } from '../../primitives/json.ts'
import type { SignedApproval } from '../../store/approvals.ts'

/** What a person approves. All of it is signed; times are ISO 8601 text in UTC. */
export interface ApprovalStatement {
  readonly purpose: 'bursar-approval-1'
  readonly intentId: string
  /** Whose intent it is. */
  readonly principal: string
  readonly digest: string
  /** Over the whole plan, with the effects that were looked at. */
  readonly planDigest: string
  /** Version of the policy that judged it. */
  readonly policy: string
  readonly approvedAt: string
  readonly expiresAt: string
  /** 32 hex digits: no two approvals are the same, and none counts twice. */
  readonly random: string
}

/** What an approval must say to count. */
export interface Expected
  extends Pick<ApprovalStatement, 'intentId' | 'principal' | 'digest' | 'planDigest'> {
  /** What must hold when it is used; absent when it was used in time, whatever holds by now. */
  readonly use?: {
    /** Milliseconds since the epoch. */
    readonly now: number
    /** Version of the policy. */
    readonly policy: string
  }
  /** Ed25519 public keys that count, 64 hex digits each. */
  readonly keys: readonly string[]
}

const RANDOM_BYTES = 16
const HEX_KEY = /^[0-9a-f]{64}$/
const HEX_SIGNATURE = /^[0-9a-f]{128}$/

/** A key pair that approves; the private half never leaves it. */
export interface Approver {
  /** Ed25519 public key, 64 hex digits. */
  readonly publicKey: string
  sign(approved: Omit<ApprovalStatement, 'purpose' | 'random'>): SignedApproval
}

export function approverOf(privateKey: KeyObject): Approver {
  const publicKey = publicHex(privateKey)
  return {
    publicKey,
    sign(approved) {
      const random = randomHex(RANDOM_BYTES)
      const statement = canonicalJson({ ...approved, purpose: 'bursar-approval-1', random })
      const signature = sign(null, Buffer.from(statement), privateKey).toString('hex')
      return { statement, signature, signer: publicKey }
    },
  }
}

/** Why what is stored as an approval does not count; undefined when it does. Throws nothing, whatever is stored. */
export function problemOf(
  { statement, signature, signer }: { readonly [K in keyof SignedApproval]: string | null },
  expected: Expected,
): string | undefined {
  if (statement === null || signature === null || signer === null) return 'nobody has signed it'
  if (!expected.keys.includes(signer)) return 'it was signed with a key that does not count'
  if (!isSignedBy(signer, statement, signature)) return 'its signature is wrong'
  const said = JSON.parse(statement) as ApprovalStatement
  if (said.purpose !== 'bursar-approval-1') return 'it is no approval'
  for (const field of ['intentId', 'principal', 'digest', 'planDigest'] as const)
    if (said[field] !== expected[field]) return 'it is for another payment, or for this one as it was before'
  if (!expected.use) return undefined
  const { now, policy } = expected.use
  if (said.policy !== policy) return 'the policy has changed since it was approved'
  // One from the future is of unknown age: the clock was set back (F20).
  if (!(now >= Date.parse(said.approvedAt)))
    return 'it was approved later than now, so the clock was set back'
  return now < Date.parse(said.expiresAt) ? undefined : 'the approval has expired'
}

/** The random number of a statement, whether it counts or not; undefined when there is none. */
export function randomOf(statement: string | null): string | undefined {
  const said = statement === null ? undefined : parsed(statement)?.random
  return typeof said === 'string' ? said : undefined
}

function parsed(statement: string): Partial<ApprovalStatement> | undefined {
  try {
    return (JSON.parse(statement) as Partial<ApprovalStatement> | null) ?? undefined
  } catch {
    return undefined
  }
}

function isSignedBy(signer: string, statement: string, signature: string): boolean {
  // Buffer.from passes over what is no hex.
  if (!HEX_KEY.test(signer) || !HEX_SIGNATURE.test(signature)) return false
  const x = Buffer.from(signer, 'hex').toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  return verify(null, Buffer.from(statement), key, Buffer.from(signature, 'hex'))
}

/** The public half of an Ed25519 key, 64 hex digits. */
function publicHex(key: KeyObject): string {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  return Buffer.from(x, 'base64url').toString('hex')
}
