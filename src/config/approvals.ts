import { readCaps } from './caps.ts'
import type { Findings } from './findings.ts'
import type { ApprovalConfig, ChainForConfig, PerTransactionCap } from './types.ts'
import { type Environment, text, wholeNumber } from './values.ts'

const KEY = /^(?:0x)?[0-9a-f]{64}$/

/** What needs a person's approval: the policy's thresholds, absent where there are none. */
export function readApprovalThresholds(
  env: Environment,
  chains: readonly ChainForConfig[],
  findings: Findings,
): { approvalAbove?: readonly PerTransactionCap[]; elicitUpTo?: readonly PerTransactionCap[] } {
  const above = readCaps(env, 'APPROVAL_ABOVE', chains, findings)
  const upTo = readCaps(env, 'ELICIT_UP_TO', chains, findings)
  if (above.length === 0 && upTo.length > 0)
    findings.warning('ELICIT_UP_TO does nothing: without APPROVAL_ABOVE no payment needs an approval')
  return { ...(above.length > 0 && { approvalAbove: above }), ...(upTo.length > 0 && { elicitUpTo: upTo }) }
}

/** How approvals are given; undefined when something of it is wrong. */
export function readApprovals(env: Environment, findings: Findings): ApprovalConfig | undefined {
  const ttlSeconds = wholeNumber(env, 'APPROVAL_TTL_SECONDS', { min: 10, max: 604_800 }, findings)
  const given = text(env, 'APPROVER_KEYS')?.split(',') ?? []
  const keys = given.map((each) => each.trim().toLowerCase())
  const wrong = keys.findIndex((key) => !KEY.test(key))
  if (wrong >= 0)
    findings.problem(
      `APPROVER_KEYS, entry ${wrong + 1}, must be what "bursar approvals key" prints: 64 hex digits`,
    )
  if (ttlSeconds === undefined || wrong >= 0) return undefined
  return { ttlSeconds, ...(keys.length > 0 && { keys: keys.map((key) => key.replace('0x', '')) }) }
}
