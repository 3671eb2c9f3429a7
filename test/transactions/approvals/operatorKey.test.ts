import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { countingKeys, ownApprover } from '../../../src/transactions/approvals/operatorKey.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'bursar-operator-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

describe('F4: the key that approves', () => {
  it('counts from the moment that it is made, and no other', () => {
    expect(countingKeys(home, undefined)).toEqual([])
    const { publicKey } = ownApprover(home)
    expect(countingKeys(home, undefined)).toEqual([publicKey])
    expect(countingKeys(home, ['00'])).toEqual(['00'])
  })

  it.each([
    ['the folder', 'operator', 0o770],
    ['the folder, whoever may read it', 'operator', 0o702],
    ['the public half', 'operator/approval.pub', 0o606],
    ['the public half, by its group', 'operator/approval.pub', 0o660],
  ])('does not count where others could have put theirs: %s', (_what, path, mode) => {
    ownApprover(home)
    chmodSync(join(home, path), mode)
    expect(() => countingKeys(home, undefined)).toThrow(
      expect.objectContaining({
        code: 'approver_unusable',
        message: expect.stringContaining(`others may change`),
      }),
    )
    // Those that the operator has named do.
    expect(countingKeys(home, ['00'])).toEqual(['00'])
  })

  it.each([0o640, 0o604, 0o620])('is not used to approve where others may have it (mode %o)', (mode) => {
    ownApprover(home)
    chmodSync(join(home, 'operator/approval.key'), mode)
    expect(() => ownApprover(home)).toThrow(
      expect.objectContaining({
        code: 'approver_unusable',
        message: expect.stringContaining('others than its owner'),
      }),
    )
  })

  // Only root may give files away.
  it.runIf(process.getuid?.() === 0)('does not count where it is another user’s', () => {
    ownApprover(home)
    chownSync(join(home, 'operator'), 12_345, 12_345)
    expect(() => countingKeys(home, undefined)).toThrow(
      expect.objectContaining({ code: 'approver_unusable' }),
    )
  })
})
