import type { RpcOutcome, RpcRequest } from '../transport.ts'
import { countsAgainst, type Member } from './member.ts'

export interface RaceOptions {
  /**
   * How long a member has, from when its rate limit lets it begin, before another is asked as well; absent: none is.
   */
  readonly hedgeAfterMs?: number
  readonly onHedge?: () => void
  readonly onFailover?: (failed: Member) => void
  /** Whether an answer shows a head that is too far behind, or not believed: the next member is asked at once. */
  readonly isBehind?: (answer: Answer) => boolean
  /** A member that had not answered when one that was asked later had. */
  readonly onOvertaken?: (member: Member) => void
}

/** What was answered, and by whom. */
export interface Answer {
  readonly member: Member
  readonly outcomes: readonly RpcOutcome[]
}

/** Methods that answer null for what a node has not seen: another node may have seen it. */
const MAY_BE_MISSING = /^eth_get(TransactionReceipt|TransactionByHash|BlockByNumber|BlockByHash)$/

/**
 * Asks members in order until one answers. A provider that fails hands over to the next at once; one that is slow
 * gets company after each hedge delay, and the first answer wins. A null does not beat a value that is still on its
 * way, and an answer from far behind does not beat anything. What the chain refused is an answer. When all fail, the first failure is thrown.
 */
export function race(
  members: readonly Member[],
  requests: readonly RpcRequest[],
  signal: AbortSignal,
  options: RaceOptions,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const losers = new AbortController()
    let next = 0
    let running = 0
    let settled = false
    let incomplete: Answer | undefined
    let failure: unknown
    let hedge: NodeJS.Timeout | undefined
    let grace: NodeJS.Timeout | undefined
    let heldBackMs = 0
    const waiting = new Set<Member>()

    const settle = (finish: () => void) => {
      if (settled) return
      settled = true
      clearTimeout(hedge)
      clearTimeout(grace)
      signal.removeEventListener('abort', onAbort)
      finish()
      losers.abort(new DOMException('another endpoint answered first', 'AbortError'))
    }
    const onAbort = () => settle(() => reject(signal.reason))

    /** Those who were asked before the one that has answered. */
    const overtake = (winner: Member) => {
      for (const member of waiting) {
        if (members.indexOf(member) < members.indexOf(winner)) options.onOvertaken?.(member)
      }
    }
    /** Hands over to the next member; what there is has to do when there is none. */
    const passOver = (member: Member) => {
      if (settled) return
      options.onFailover?.(member)
      if (start() || running > 0) return
      settle(() => (incomplete ? resolve(incomplete) : reject(failure)))
    }
    const answered = (member: Member, outcomes: readonly RpcOutcome[]) => {
      running -= 1
      waiting.delete(member)
      if (!settled) overtake(member)
      const answer = { member, outcomes }
      if (options.isBehind?.(answer) || (next < members.length && isUnable(outcomes))) {
        incomplete ??= answer
        return passOver(member)
      }
      if (!isIncomplete(requests, outcomes)) return settle(() => resolve(answer))
      incomplete ??= answer
      if (running === 0) return settle(() => resolve(answer))
      // The others had a head start of a hedge delay; they get one more, not their whole time-out.
      grace ??= setTimeout(() => settle(() => resolve(answer)), options.hedgeAfterMs ?? 0)
    }
    const failed = (member: Member, error: unknown) => {
      running -= 1
      waiting.delete(member)
      if (settled) return
      if (!countsAgainst(error)) return settle(() => reject(error))
      failure ??= error
      passOver(member)
    }
    const start = (): boolean => {
      const member = members[next]
      if (!member || settled) return false
      next += 1
      running += 1
      waiting.add(member)
      heldBackMs = member.waitMs(requests.length)
      member.send(requests, losers.signal).then(
        (outcomes) => answered(member, outcomes),
        (error: unknown) => failed(member, error),
      )
      return true
    }

    if (signal.aborted) return reject(signal.reason)
    signal.addEventListener('abort', onAbort)
    const arm = () => {
      if (options.hedgeAfterMs === undefined || next >= members.length) return
      hedge = setTimeout(() => {
        if (start()) options.onHedge?.()
        arm()
      }, options.hedgeAfterMs + heldBackMs)
    }
    if (start()) arm()
    else settle(() => reject(new TypeError('a pool without members')))
  })
}

/** Words for "ask somebody else": the method, the state or the endpoint itself is missing, not the chain's consent. */
const ASK_ANOTHER =
  /method .*(not found|not supported|does not exist|not available)|(header|block|state) (not found|is not available)|unknown block|missing trie node|pruned|internal error|unauthori[sz]ed|forbidden/i

/** Whether an endpoint says that it cannot tell: another one may be able to. */
function isUnable(outcomes: readonly RpcOutcome[]): boolean {
  return outcomes.some((outcome) => {
    if (outcome.ok || outcome.error.data !== undefined) return false
    const { code, message } = outcome.error
    return code === -32601 || code === -32004 || ASK_ANOTHER.test(message)
  })
}

function isIncomplete(requests: readonly RpcRequest[], outcomes: readonly RpcOutcome[]): boolean {
  return outcomes.some((outcome, index) => {
    return outcome.ok && outcome.result === null && MAY_BE_MISSING.test(requests[index]?.method ?? '')
  })
}
