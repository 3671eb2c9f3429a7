import type { Hex } from 'viem'
import type { Effect } from '../../chains/adapter.ts'
import { formatUnits } from '../../primitives/amount.ts'
import { type Finding, finding } from '../../primitives/findings.ts'
import type { DeclaredCall } from '../calls/declaredCalls.ts'
import { DELEGATION } from '../calls/standards.ts'
import { tokenMoves } from '../calls/tokenCalls.ts'
import { isCommand, lentIn } from '../simulation/silentMoves.ts'
import type { Evidence } from './evidence.ts'

/** An allowance that no balance will ever reach: half of what 96 bits hold, which is where some tokens end. */
const UNLIMITED = 1n << 95n

/** What others are allowed to take from the account, or from a wallet contract at its command (T17, T18). */
export async function approvals(
  evidence: Evidence,
  _tracers: unknown,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { client, head } = evidence
  const given = givenAway(evidence)
  if (given.length === 0) return []
  const takers = [...new Set(given.map(({ to }) => to))]
  const at = { blockHash: head.ref.hash }
  const codes = await client.batch(
    takers.map((taker) => ({ method: 'eth_getCode', params: [taker, at] })),
    signal,
  )
  const accounts = takers.filter((_, index) => {
    const code = codes[index]
    return code?.ok && (code.result === '0x' || String(code.result).startsWith(DELEGATION))
  })
  return given.flatMap((effect) => [
    ...extentOf(effect),
    ...(accounts.includes(effect.to)
      ? [
          finding(
            'approval-to-account',
            `${effect.to} may take ${what(effect)}, and is an account that somebody has the key of, not a contract`,
          ),
        ]
      : []),
  ])
}

/** Allowances and operator rights that the account gives, or a wallet contract at its command. */
export function givenAway({ effects, task, declared }: Evidence): readonly Effect[] {
  const account = task.payload.from
  const commanded = new Set(declared.filter(isCommand).flatMap(keysOf))
  const lent = lentIn(account, declared)
  return effects.filter(({ kind, from, to, raw, asset }) => {
    const isCommanded = commanded.has(`${asset.address} ${from} ${to}`)
    const isOurs = from === account || isCommanded || lent.has(from as Hex)
    return kind !== 'transfer' && isOurs && raw > 0n
  })
}

function keysOf(call: DeclaredCall): readonly string[] {
  const moves = tokenMoves(call)
  return Array.isArray(moves) ? moves.map(({ token, from, to }) => `${token} ${from} ${to}`) : []
}

function extentOf(effect: Effect): readonly Finding[] {
  const { kind, asset, from, to, raw } = effect
  if (kind === 'operator') {
    return [
      finding('approval-for-all', `${to} may take everything that ${from} has of ${asset.id}, now and later`),
    ]
  }
  if (raw < UNLIMITED) return []
  return [
    finding('unlimited-approval', `${to} may take all ${asset.symbol ?? asset.id} of ${from}, now and later`),
  ]
}

const what = ({ kind, asset, raw }: Effect) =>
  kind === 'operator' || raw >= UNLIMITED
    ? `all of ${asset.symbol ?? asset.id}`
    : `${formatUnits(raw, asset.decimals)} ${asset.symbol ?? asset.id}`
