import { type Finding, finding, milderFinding } from '../../primitives/findings.ts'
import type { Call } from '../calls/tokenCalls.ts'
import { type TokenMove, tokenMoves } from '../calls/tokenCalls.ts'
import type { Evidence } from './evidence.ts'

/**
 * Tokens sent to their own contract, or to that of a token which the registry lists: nobody gets them out again.
 * Those that leave it again, or are burnt, are on their way: liquidity is taken back so.
 */
export function tokenRecipients({ made, declared, effects, assets, task }: Evidence): readonly Finding[] {
  const calls: readonly Call[] =
    made
      ?.filter(({ undone, isStatic }) => !undone && !isStatic)
      .map((call) => ({ ...call, input: call.frame.input })) ?? declared
  const lost = new Map<string, TokenMove>()
  for (const call of calls) {
    const moves = tokenMoves(call)
    if (!Array.isArray(moves)) continue
    for (const move of moves as readonly TokenMove[]) {
      const { kind, raw, token, to } = move
      if (kind !== 'transfer' || raw === 0n || (to !== token && !assets.lists(to))) continue
      if (staysWith(token, to, effects)) lost.set(`${token} ${to}`, move)
    }
  }
  return [...lost.values()].map(({ token, from, to }) => {
    const where = token === to ? 'its own contract' : `the contract of the token ${to}`
    const detail = `${from} sends the token ${token} to ${where}, where nobody can use it`
    const isOurs = from === task.payload.from
    return isOurs ? finding('token-as-recipient', detail) : milderFinding('token-as-recipient', detail)
  })
}

function staysWith(token: string, to: string, effects: Evidence['effects']): boolean {
  let left = 0n
  for (const effect of effects) {
    if (effect.kind !== 'transfer' || effect.asset.address !== token || effect.from === effect.to) continue
    if (effect.to === to) left += effect.raw
    if (effect.from === to) left -= effect.raw
  }
  return left > 0n
}
