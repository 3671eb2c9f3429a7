import type { RpcOutcome, RpcRequest } from '../transport.ts'
import { countsAgainst, isTooLarge, type Member } from './member.ts'

export interface RaceOptions {
  /**
   * How long a member has, from when its rate limit lets it begin, before another is asked as well; absent: none is.
   */
  readonly hedgeAfterMs?: number
  /** Whether one more call may be spent on a slow answer; asked when the time has come. */
  readonly mayHedge?: () => boolean
  readonly onFailover?: (failed: Member) => void
  /**
   * By how many blocks an answer is older than what was answered before; Infinity when its head is not believed.
   * Behind at all, the next member is asked at once.
   */
  readonly blocksBehind?: (answer: Answer) => number
  /** An answer no further behind does, when nobody has a newer one soon. */
  readonly maxLag?: number
  /** Whether nobody but this member is left to ask. */
  readonly isLast?: (member: Member) => boolean
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
 * way, nor an answer from an older block a newer one; one from far behind beats nothing. What the chain refused is an
 * answer. When all fail, the first failure is thrown, or that the answer is too large.
 */
export function race(
  members: readonly Member[],
  requests: readonly RpcRequest[],
  signal: AbortSignal,
  options: RaceOptions,
): Promise<Answer> {
  if (signal.aborted) return Promise.reject(signal.reason)
  if (members.length === 0) return Promise.reject(new TypeError('a pool without members'))
  return new Race(members, requests, signal, options).run()
}

class Race {
  readonly #members: readonly Member[]
  readonly #requests: readonly RpcRequest[]
  readonly #signal: AbortSignal
  readonly #options: RaceOptions
  /** Ends the calls of those who did not win. */
  readonly #losers = new AbortController()
  readonly #running = new Set<Member>()
  #next = 0
  #settled = false
  /** What has to do when nothing better comes, and how far behind it is. */
  #best: { readonly answer: Answer; readonly behind: number } | undefined
  #failure: unknown
  #hedge: NodeJS.Timeout | undefined
  #grace: NodeJS.Timeout | undefined
  #heldBackMs = 0
  #resolve: (answer: Answer) => void = () => undefined
  #reject: (reason: unknown) => void = () => undefined

  constructor(
    members: readonly Member[],
    requests: readonly RpcRequest[],
    signal: AbortSignal,
    options: RaceOptions,
  ) {
    this.#members = members
    this.#requests = requests
    this.#signal = signal
    this.#options = options
  }

  run(): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#signal.addEventListener('abort', this.#onAbort)
      this.#start()
      this.#arm()
    })
  }

  readonly #onAbort = () => this.#settle(() => this.#reject(this.#signal.reason))

  #settle(finish: () => void): void {
    if (this.#settled) return
    this.#settled = true
    clearTimeout(this.#hedge)
    clearTimeout(this.#grace)
    this.#signal.removeEventListener('abort', this.#onAbort)
    for (const member of this.#running) member.unlisten(this.#onRest)
    finish()
    if (this.#running.size > 0)
      this.#losers.abort(new DOMException('another endpoint answered first', 'AbortError'))
  }

  #settleForBest(): void {
    const best = this.#best
    this.#settle(() => (best ? this.#resolve(best.answer) : this.#reject(this.#failure)))
  }

  /** Asks the next member, if there is one. */
  #start(): void {
    const member = this.#members[this.#next]
    if (!member || this.#settled) return
    this.#next += 1
    this.#running.add(member)
    member.listen(this.#onRest)
    this.#heldBackMs = member.waitMs(this.#requests.length)
    const isLast = this.#options.isLast?.(member) ?? false
    member.send(this.#requests, this.#losers.signal, isLast).then(
      (outcomes) => this.#answered({ member, outcomes }),
      (error: unknown) => this.#failed(member, error),
    )
  }

  #arm(): void {
    const { hedgeAfterMs, mayHedge } = this.#options
    if (hedgeAfterMs === undefined || this.#next >= this.#members.length) return
    this.#hedge = setTimeout(() => {
      if (mayHedge?.() ?? true) this.#start()
      this.#arm()
    }, hedgeAfterMs + this.#heldBackMs)
  }

  #ended(member: Member): void {
    this.#running.delete(member)
    member.unlisten(this.#onRest)
  }

  /**
   * Calls that others made have shown that the member swallows them: this one does not wait for its hedge, which the
   * budget may refuse, nor for the time-out. Whoever rests is asked nothing, so the calls in all are no more.
   */
  readonly #onRest = (resting: Member) => {
    const others = [...this.#running].filter((member) => member !== resting)
    if (this.#settled || others.some(({ closed }) => closed)) return
    this.#options.onFailover?.(resting)
    this.#start()
  }

  #answered(answer: Answer): void {
    this.#ended(answer.member)
    if (this.#settled) return
    this.#overtake(answer.member)
    const behind = this.#behind(answer)
    if (behind === 0 && !isIncomplete(this.#requests, answer.outcomes)) {
      this.#settle(() => this.#resolve(answer))
      return
    }
    if (!this.#best || behind < this.#best.behind) this.#best = { answer, behind }
    if (behind > (this.#options.maxLag ?? 0)) this.#passOver(answer.member)
    else this.#seekBetter(behind)
  }

  #behind(answer: Answer): number {
    if (this.#next < this.#members.length && isUnable(answer.outcomes)) return Number.POSITIVE_INFINITY
    return this.#options.blocksBehind?.(answer) ?? 0
  }

  /** There is an answer that would do; for a moment others may give a better one. */
  #seekBetter(behind: number): void {
    if (behind > 0) this.#start()
    // The others had a head start of a hedge delay; they get one more, not their whole time-out.
    if (this.#running.size === 0) this.#settleForBest()
    else this.#grace ??= setTimeout(() => this.#settleForBest(), this.#options.hedgeAfterMs ?? 0)
  }

  #failed(member: Member, error: unknown): void {
    this.#ended(member)
    if (this.#settled) return
    if (countsAgainst(error) || isTooLarge(error)) {
      if (this.#failure === undefined || isTooLarge(error)) this.#failure = error
      this.#passOver(member)
    } else this.#settle(() => this.#reject(error))
  }

  /** Hands over to the next member; what there is has to do when there is none. */
  #passOver(member: Member): void {
    this.#options.onFailover?.(member)
    this.#start()
    if (this.#running.size === 0) this.#settleForBest()
  }

  /** Those who were asked before the one that has answered. */
  #overtake(winner: Member): void {
    for (const member of this.#running) {
      if (this.#members.indexOf(member) < this.#members.indexOf(winner)) this.#options.onOvertaken?.(member)
    }
  }
}

/** Words by which nodes say that a call itself cannot work, or asks for too much, whoever is asked. */
const VERDICT =
  /revert|insufficient|intrinsic|exceeds|exceeded|too (low|high|many|large|wide)|fee cap|base fee|nonce|invalid|stack (under|over)flow|out ?of ?gas|block range|limited to|more than/i
/** Words for "ask somebody else", which come first: the method or the state is missing here, not the chain's consent. */
const MISSING_HERE =
  /(header|block|state) (not found|is not available)|unknown block|missing trie node|pruned/i
/** Invalid request, invalid parameters; a revert. */
const VERDICT_CODES: ReadonlySet<number> = new Set([-32600, -32602, 3])

/**
 * Whether an endpoint says that it cannot tell: another one may be able to. Endpoints say "I am overloaded" or "my
 * upstream is down" in words of their own and under the same codes as the chain's refusals: what is not known to be
 * the word of the chain is asked of another one, and stands when that one has no answer either.
 */
function isUnable(outcomes: readonly RpcOutcome[]): boolean {
  return outcomes.some((outcome) => {
    if (outcome.ok || outcome.error.data !== undefined) return false
    const { code, message } = outcome.error
    if (code === 3 || REVERTED.test(message)) return false
    if (code === METHOD_MISSING || MISSING_HERE.test(message)) return true
    const isOfSimulation = code <= -38_000 && code > -39_000
    return !VERDICT_CODES.has(code) && !isOfSimulation && !VERDICT.test(message)
  })
}

/** What comes with it is the contract's to choose. */
const REVERTED = /revert|vm exception|vm execution/i
const METHOD_MISSING = -32601

function isIncomplete(requests: readonly RpcRequest[], outcomes: readonly RpcOutcome[]): boolean {
  return outcomes.some((outcome, index) => {
    return outcome.ok && outcome.result === null && MAY_BE_MISSING.test(requests[index]?.method ?? '')
  })
}
