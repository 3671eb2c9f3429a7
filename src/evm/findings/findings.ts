import type { Finding } from '../../primitives/findings.ts'
import type { Tracers } from '../simulation/tracers.ts'
import { approvals } from './approvals.ts'
import type { Evidence, Rule } from './evidence.ts'
import { unseen } from './unseen.ts'

const RULES: readonly Rule[] = [unseen, approvals]

/** What looks dangerous, or could not be looked at; the gravest first. */
export async function findingsOf(
  evidence: Evidence,
  tracers: Tracers,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const found = await Promise.all(RULES.map((rule) => rule(evidence, tracers, signal)))
  return found.flat().sort((a, b) => GRAVITY[b.severity] - GRAVITY[a.severity])
}

const GRAVITY = { critical: 2, warning: 1, info: 0 } as const
