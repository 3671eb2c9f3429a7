import { type Finding, finding } from '../../primitives/findings.ts'
import { MULTICALL3 } from '../calls/standards.ts'
import { type TokenMove, tokenMoves } from '../calls/tokenCalls.ts'
import { givenAway } from './approvals.ts'
import type { Evidence } from './evidence.ts'

/**
 * Allowances and operator rights of Multicall3, wherever it is, and what it takes by one that it had before (T18). It
 * makes any call for anybody, so what it may take anybody may.
 */
export async function multicallAllowances(
  evidence: Evidence,
  _tracers: unknown,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { client, head, declared, task, multicall3 } = evidence
  const known = new Set<string>([MULTICALL3, ...(multicall3 ? [multicall3] : [])])
  const takes = declared.flatMap((call): readonly TokenMove[] => {
    const moves = known.has(call.sender) ? tokenMoves(call) : []
    return Array.isArray(moves)
      ? moves.filter(({ kind, from }) => kind === 'transfer' && from === task.payload.from)
      : []
  })
  const given = givenAway(evidence)
  const others = [...new Set(given.map(({ to }) => to))].filter((to) => !known.has(to))
  const at = { blockHash: head.ref.hash }
  const codes =
    others.length === 0
      ? []
      : await client.batch(
          others.map((taker) => ({ method: 'eth_getCode', params: [taker, at] })),
          signal,
        )
  others.forEach((taker, index) => {
    const code = codes[index]
    if (code?.ok && DISPATCHED.every((push) => String(code.result).includes(push))) known.add(taker)
  })
  return [
    ...given
      .filter(({ to }) => known.has(to))
      .map(({ from, to, asset }) => {
        return finding(
          CODE,
          `${to} is Multicall3 and could take ${asset.symbol ?? asset.id} of ${from}: anybody can have it do so`,
        )
      }),
    ...takes.map(({ token, from }) => {
      const detail = `Multicall3 takes ${token} of ${from} by an allowance, which anybody can use as well; pay tokens one by one`
      return finding(CODE, detail)
    }),
  ]
}

const CODE = 'approval-to-multicall'

/** PUSH4 of the selectors of aggregate3 and aggregate3Value: so code begins that has both, whoever compiled it. */
const DISPATCHED = ['6382ad56cb', '63174dea71']
