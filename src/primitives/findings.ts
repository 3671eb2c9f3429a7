/**
 * What a simulation may show that its caller should know, by stable code, and how grave it is at worst. `critical` is not
 * signed unless the operator allows the code (FINDINGS_ALLOWED); `warning` and `info` are told and decide nothing.
 */
export const FINDINGS = {
  'unlimited-approval': 'critical',
  'approval-for-all': 'critical',
  'approval-to-account': 'warning',
  'approval-to-multicall': 'critical',
  'left-in-multicall': 'critical',
  delegation: 'critical',
  'token-as-recipient': 'critical',
  'environment-dependent': 'critical',
  'loose-slippage': 'critical',
  'effects-unseen': 'critical',
  'inner-call-unknown': 'critical',
  'ownership-change': 'critical',
  upgrade: 'critical',
  'not-received': 'critical',
  'transfer-fee': 'warning',
  'allowance-left': 'warning',
  reentrancy: 'warning',
  'delegatecall-unknown': 'warning',
  'self-destruct': 'warning',
  'credited-to-multicall': 'warning',
  'contract-creation': 'info',
  'large-share': 'warning',
  'first-recipient': 'info',
  'not-traced': 'info',
} as const satisfies Readonly<Record<string, Severity>>

export type Severity = 'info' | 'warning' | 'critical'

export type FindingCode = keyof typeof FINDINGS

export interface Finding {
  readonly code: FindingCode
  readonly severity: Severity
  /** What was seen, in our words, with the addresses and amounts that show it. */
  readonly detail: string
}

export function finding(code: FindingCode, detail: string): Finding {
  return { code, severity: FINDINGS[code], detail }
}

/** The same where it is less grave than it can be: told, and no reason not to sign. */
export function milderFinding(code: FindingCode, detail: string): Finding {
  return { code, severity: 'warning', detail }
}
