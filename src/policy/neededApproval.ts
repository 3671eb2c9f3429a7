/** What has to happen before something may be signed: a person agrees. */
export interface NeededApproval {
  /** By which rules, in words. */
  readonly rules: readonly string[]
  /** Whether a yes in the client is enough. */
  readonly mayElicit: boolean
}

/** What two verdicts need together: the transactions of one intent, or two sets of rules on one of them. */
export function together(
  one: NeededApproval | undefined,
  other: NeededApproval | undefined,
): NeededApproval | undefined {
  if (!one || !other) return one ?? other
  return {
    rules: [...new Set([...one.rules, ...other.rules])],
    mayElicit: one.mayElicit && other.mayElicit,
  }
}
