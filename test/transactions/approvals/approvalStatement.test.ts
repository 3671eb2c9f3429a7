import { generateKeyPairSync, sign } from 'node:crypto'
import { expect, it } from 'vitest'
import { canonicalJson } from '../../../src/primitives/json.ts'
import {
  type ApprovalStatement,
  approverOf,
  problemOf,
  randomOf,
} from '../../../src/transactions/approvals/statement.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const approver = approverOf(privateKey)
const NOW = Date.UTC(2026, 0, 1)
const approved = {
  ...{ intentId: 'int_1', principal: 'local', digest: '0xd1', planDigest: '0xp1', policy: '0xpol' },
  approvedAt: new Date(NOW).toISOString(),
  expiresAt: new Date(NOW + 60_000).toISOString(),
}
const expected = (more: object = {}) => ({
  ...{ intentId: 'int_1', principal: 'local', digest: '0xd1', planDigest: '0xp1' },
  keys: [approver.publicKey],
  use: { now: NOW, policy: '0xpol' },
  ...more,
})

it('T24: an approval counts for one intent of one principal, its digest and its plan, and for no other', () => {
  const signed = approver.sign(approved)
  expect(problemOf(signed, expected())).toBeUndefined()
  for (const field of ['intentId', 'principal', 'digest', 'planDigest'])
    expect([field, problemOf(signed, expected({ [field]: 'other' }))]).toEqual([
      field,
      'it is for another payment, or for this one as it was before',
    ])
})

it('T24: what the same key has signed for another purpose is no approval', () => {
  const { statement } = approver.sign(approved)
  const said = { ...(JSON.parse(statement) as ApprovalStatement), purpose: 'bursar-other-1' }
  const other = canonicalJson(said)
  const signature = sign(null, Buffer.from(other), privateKey).toString('hex')
  const problem = problemOf({ statement: other, signature, signer: approver.publicKey }, expected())
  expect([problem, randomOf(other)]).toEqual(['it is no approval', said.random])
})

it('T21, F20: counts from when it was given until it expires, to the millisecond', () => {
  const signed = approver.sign(approved)
  const at = (now: number) => problemOf(signed, expected({ use: { now, policy: '0xpol' } }))
  expect([at(NOW - 1), at(NOW), at(NOW + 59_999), at(NOW + 60_000)]).toEqual([
    'it was approved later than now, so the clock was set back',
    undefined,
    undefined,
    'the approval has expired',
  ])
})
