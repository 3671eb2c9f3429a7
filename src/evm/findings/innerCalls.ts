import type { Hex } from 'viem'
import { type Finding, finding, milderFinding } from '../../primitives/findings.ts'
import type { DeclaredCall } from '../calls/declaredCalls.ts'
import { tokenMoves } from '../calls/tokenCalls.ts'
import type { Evidence } from './evidence.ts'

/**
 * Calls that the payload carries for others to make, of which cannot be told what they do (T18). What can be told is
 * among the effects. A call that nobody makes with the account's rights is the business of whoever makes it.
 */
export function innerCalls(evidence: Evidence): readonly Finding[] {
  return evidence.declared.flatMap((call) => {
    if (call.problem !== undefined) return [unreadable(call, call.problem)]
    if (call.within === undefined || call.input === '0x' || call.rights === 'none') return []
    const moves = tokenMoves(call)
    if (moves === 'unreadable')
      return [unreadable(call, `bytes that are no arguments of ${call.input.slice(0, 10)}`)]
    return moves === undefined ? unknown(call, evidence) : []
  })
}

/** Of a listed token every function is known that a payment needs; of others it matters what was seen of it. */
function unknown(call: DeclaredCall, { assets, made, logs, task }: Evidence): readonly Finding[] {
  const what = `${call.within} makes ${call.sender} call ${call.input.slice(0, 10)} of`
  if (assets.lists(call.self)) {
    const detail = `${what} the token ${call.self}, and what that does is not known`
    return [call.rights === 'account' ? finding(CODE, detail) : milderFinding(CODE, detail)]
  }
  if (!failed(call, made) || mentions(logs, call.self, task.payload.from)) return []
  const reason = 'it failed when it was tried, and what it does when it does not is not known'
  return [milderFinding(CODE, `${what} ${call.self}: ${reason}`)]
}

const CODE = 'inner-call-unknown'

function unreadable({ self, rights, within }: DeclaredCall, problem: string): Finding {
  const detail = `the call of ${self}${within === undefined ? '' : ` within ${within}`} holds ${problem}`
  return rights === 'account' ? finding(CODE, detail) : milderFinding(CODE, detail)
}

/** It was tried, and never with success. */
function failed(call: DeclaredCall, made: Evidence['made']): boolean {
  const tries = (made ?? []).filter(
    ({ self, sender, frame }) => self === call.self && sender === call.sender && frame.input === call.input,
  )
  return tries.length > 0 && tries.every(({ undone }) => undone)
}

function mentions(logs: Evidence['logs'], emitter: Hex, account: Hex): boolean {
  const word = account.slice(2).toLowerCase()
  return logs.some(
    ({ address, topics }) => address === emitter && topics.some((topic) => topic.endsWith(word)),
  )
}
