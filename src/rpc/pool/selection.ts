import type { Member } from './member.ts'

/** Who would wait for longer at its rate limit is asked after those who need not: failing over costs about this. */
const PATIENCE_MS = 100

/**
 * The order in which members are tried. The best priority with a usable member serves (a sticky primary); among
 * equals smooth weighted round robin spreads the calls, by weight and score. Members whose rate limit is reached come
 * after them, the shortest wait first. Members that rest or lag come last, best priority first: when nothing else is left, trying them beats giving up.
 */
export class Selection {
  readonly #members: readonly Member[]
  readonly #maxLag: bigint
  readonly #credit = new Map<Member, number>()

  constructor(members: readonly Member[], maxLag: bigint) {
    this.#members = members
    this.#maxLag = maxLag
  }

  /** The highest head that any member has shown. */
  get bestHead(): bigint | undefined {
    let best: bigint | undefined
    for (const { head, wrongChain } of this.#members) {
      if (head !== undefined && !wrongChain && (best === undefined || head > best)) best = head
    }
    return best
  }

  usable(member: Member, best = this.bestHead): boolean {
    return member.closed && !member.wrongChain && !member.doubted && !member.lags(best, this.#maxLag)
  }

  /** Those of `members` that would take a signed payment at once; all of them when none would. */
  ready(members: readonly Member[]): readonly Member[] {
    const ready = members.filter((member) => member.waitMs(1, true) <= PATIENCE_MS)
    return ready.length > 0 ? ready : members
  }

  /** For a request of so many calls. */
  order(calls: number): readonly Member[] {
    const best = this.bestHead
    const usable = this.#members.filter((member) => this.usable(member, best))
    // Those of another chain come at the very end: they are asked for their chain first, and may have been mended.
    const rest = this.#members.filter((member) => !usable.includes(member))
    const byPriority = (a: Member, b: Member) =>
      Number(a.wrongChain) - Number(b.wrongChain) || a.priority - b.priority
    const waits = new Map(usable.map((member) => [member, member.waitMs(calls)]))
    const waitOf = (member: Member) => waits.get(member) ?? 0
    const prompt = usable.filter((member) => waitOf(member) <= PATIENCE_MS)
    const later = usable.filter((member) => !prompt.includes(member)).sort((a, b) => waitOf(a) - waitOf(b))
    const last = [...later, ...rest.sort(byPriority)]
    const [first, ...others] = [...prompt].sort(byPriority)
    if (!first) return last
    const equals = prompt.filter((member) => member.priority === first.priority)
    const chosen = equals.length > 1 ? this.#take(equals) : first
    const remaining = [first, ...others].filter((member) => member !== chosen)
    return [chosen, ...remaining, ...last]
  }

  /** Smooth weighted round robin: everybody earns its share, the richest pays for the round. */
  #take(equals: readonly Member[]): Member {
    let total = 0
    let chosen = equals[0] as Member
    for (const member of equals) {
      const share = member.weight * Math.max(member.score, 0.05)
      total += share
      this.#credit.set(member, (this.#credit.get(member) ?? 0) + share)
      if ((this.#credit.get(member) ?? 0) > (this.#credit.get(chosen) ?? 0)) chosen = member
    }
    this.#credit.set(chosen, (this.#credit.get(chosen) ?? 0) - total)
    return chosen
  }
}
