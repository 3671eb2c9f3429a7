import type { Finding } from '../../primitives/findings.ts'
import type { Tracers } from '../simulation/tracers.ts'
import { approvals } from './approvals.ts'
import { creations, delegations, destructions } from './creations.ts'
import { delegatecalls } from './delegatecalls.ts'
import type { Evidence, Rule } from './evidence.ts'
import { innerCalls } from './innerCalls.ts'
import { multicallAllowances } from './multicallAllowances.ts'
import { multicallLeftovers } from './multicallLeftovers.ts'
import { ownership } from './ownership.ts'
import { reentrancy } from './reentrancy.ts'
import { slippage } from './slippage.ts'
import { tokenRecipients } from './tokenRecipients.ts'
import { unreadSwaps } from './unreadSwaps.ts'
import { unseen } from './unseen.ts'
import { upgrades } from './upgrades.ts'

const RULES: readonly Rule[] = [
  unseen,
  approvals,
  innerCalls,
  multicallAllowances,
  multicallLeftovers,
  tokenRecipients,
  slippage,
  unreadSwaps,
  ownership,
  upgrades,
  creations,
  destructions,
  delegations,
  delegatecalls,
  reentrancy,
]

/** An answer holds so many of one code: a stranger decides how many there are. */
const MOST_OF_ONE_CODE = 5

/** What looks dangerous, or could not be looked at; the gravest first. */
export async function findingsOf(
  evidence: Evidence,
  tracers: Tracers,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const found = await Promise.all(RULES.map((rule) => rule(evidence, tracers, signal)))
  return withoutExcess(found.flat().sort(byGravity)).toSorted(byGravity)
}

const GRAVITY = { critical: 2, warning: 1, info: 0 } as const
const byGravity = (a: Finding, b: Finding) => GRAVITY[b.severity] - GRAVITY[a.severity]

function withoutExcess(sorted: readonly Finding[]): readonly Finding[] {
  const byCode = new Map<string, Finding[]>()
  for (const each of new Map(sorted.map((found) => [`${found.code} ${found.detail}`, found])).values())
    byCode.set(each.code, [...(byCode.get(each.code) ?? []), each])
  return [...byCode.values()].flatMap((alike) => {
    const more = alike.length - MOST_OF_ONE_CODE
    const shown = alike.slice(0, MOST_OF_ONE_CODE)
    if (more <= 0) return shown
    return shown.map((each, index) =>
      index < MOST_OF_ONE_CODE - 1 ? each : { ...each, detail: `${each.detail} (and ${more} more such)` },
    )
  })
}
