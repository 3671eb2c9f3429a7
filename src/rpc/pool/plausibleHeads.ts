import { monotonicClock } from '../../primitives/clock.ts'
import type { Member } from './member.ts'

/** How much faster than its block time a chain may seem to grow: blocks come in bursts, and clocks differ. */
const HASTE = 5
const SLACK_BLOCKS = 50n
/** A newest block this old, and ten blocks' time at least, is that of an endpoint that has stopped, or of a chain. */
const STUCK_MS = 60_000

/**
 * Which claims of a head are taken for the chain's. One endpoint that claims a block from the far future would make
 * all honest ones look as if they lagged, and be left alone with the money (T12). Such a claim counts once another
 * endpoint makes it too; where there is no other, it has to be believed. The first claim of all is nothing to compare
 * with: it stands until two agree, and who is beyond what these two say is doubted from then on. An endpoint whose own
 * newest block is old is no measure for one whose newest block is new: else one that had stopped long before the start
 * would be followed for hours.
 */
export class PlausibleHeads {
  readonly #members: readonly Member[]
  readonly #maxLag: bigint
  readonly #blockTimeMs: number
  readonly #now: () => number
  readonly #uptime: () => number
  /** The highest block that each has claimed, and since when on the monotonic clock. */
  readonly #furthest = new Map<Member, { readonly claim: bigint; readonly since: number }>()
  #newest: { readonly head: bigint; readonly at: number } | undefined
  /** Whether two have agreed so far. */
  #agreed = false

  /** `now` is the wall clock, which goes on while the machine sleeps; `uptime` is one that nobody can set. */
  constructor(
    members: readonly Member[],
    maxLag: bigint,
    blockTimeMs: number,
    now: () => number = Date.now,
    uptime: () => number = monotonicClock.now,
  ) {
    this.#members = members
    this.#maxLag = maxLag
    this.#blockTimeMs = blockTimeMs
    this.#now = now
    this.#uptime = uptime
  }

  /** Notes what an endpoint claims. Returns whether the newest block is another one than before. */
  note(member: Member, claim: bigint, time?: number): boolean {
    if (time !== undefined || claim !== member.claim) member.claimedTime = time
    member.claim = claim
    const furthest = this.#furthest.get(member)
    if (!furthest || claim > furthest.claim) this.#furthest.set(member, { claim, since: this.#uptime() })
    const corrected = !this.#agreed && this.#agree(member, claim)
    if (!this.#believes(member, claim)) {
      member.doubted = true
      return false
    }
    member.doubted = false
    member.head = claim
    if (this.#newest === undefined || claim > this.#newest.head) {
      this.#newest = { head: claim, at: this.#now() }
      return true
    }
    return corrected || this.#goBack()
  }

  /** The newest block that is believed. */
  get newest(): bigint | undefined {
    return this.#newest?.head
  }

  /** Whether a head is too far behind the newest that was believed. */
  isBehind(head: bigint): boolean {
    return this.#newest !== undefined && this.#newest.head - head > this.#maxLag
  }

  /**
   * Whether an endpoint has stopped following its chain, going by blocks and by how long it was watched: what its
   * blocks say of the time proves nothing while the local clock is wrong, or the chain halted (F20). It is behind the
   * newest block that was believed, and its own has stayed the same for long: a claim to be ahead silences nobody who
   * goes on with the chain. Where no more endpoints are ahead than have stopped with it, that is so; where more have
   * stopped than are ahead, the chain may have halted, and it cannot be told (T12).
   */
  hasStopped(member: Member): boolean {
    const furthest = this.#furthest.get(member)
    const { newest } = this
    if (!furthest || newest === undefined || !this.isBehind(furthest.claim)) return false
    if (this.#uptime() - furthest.since <= this.#stuckMs) return false
    const standing = this.#members.filter((each) => !each.wrongChain)
    const ahead = standing.filter((each) => this.#seconds(each, newest)).length
    return ahead >= standing.filter((each) => this.#seconds(each, furthest.claim)).length
  }

  /**
   * The first time that two say the same, give or take, that is where the chain is. Returns whether the newest block
   * had been another one.
   */
  #agree(member: Member, claim: bigint): boolean {
    const second = this.#members.find(
      (each) => each !== member && !each.wrongChain && this.#seconds(each, claim),
    )
    if (second?.claim === undefined) return false
    this.#agreed = true
    const head = second.claim > claim ? second.claim : claim
    if (this.#newest && !this.#isBeyond(this.#newest.head, head)) return false
    this.#newest = { head, at: this.#now() }
    for (const each of this.#members) {
      if (each.claim === undefined || !this.#isBeyond(each.claim, head)) continue
      each.doubted = true
      each.head = undefined
    }
    return true
  }

  /** Further ahead than two honest endpoints ever are of each other. */
  #isBeyond(claim: bigint, head: bigint): boolean {
    return claim > head + this.#maxLag + SLACK_BLOCKS
  }

  /** When everybody who answers is behind what was told before, it is the chain that went back. Returns whether it did. */
  #goBack(): boolean {
    const claims = this.#members
      .filter(({ closed, wrongChain }) => closed && !wrongChain)
      .map(({ claim }) => claim)
    if (!claims.every((claim) => claim !== undefined && this.isBehind(claim))) return false
    const [highest] = claims.flatMap((claim) => claim ?? []).sort((a, b) => (a < b ? 1 : -1))
    if (highest === undefined) return false
    this.#newest = { head: highest, at: this.#now() }
    return true
  }

  #believes(member: Member, claim: bigint): boolean {
    const newest = this.#newest
    if (newest === undefined) return true
    const elapsedMs = Math.abs(this.#now() - newest.at)
    const grown = BigInt(Math.ceil((HASTE * elapsedMs) / this.#blockTimeMs))
    if (!this.#isBeyond(claim, newest.head + grown)) return true
    const others = this.#members.filter((each) => each !== member && each.closed && !each.wrongChain)
    if (others.some((each) => this.#seconds(each, claim))) return true
    return (
      others.length === 0 ||
      (this.#age(member) <= this.#stuckMs && others.every((each) => this.#isStuck(each)))
    )
  }

  get #stuckMs(): number {
    return Math.max(STUCK_MS, 10 * this.#blockTimeMs)
  }

  /** Of the newest block that it claims; NaN when that is not known. */
  #age({ claimedTime }: Member): number {
    return claimedTime === undefined ? Number.NaN : Math.abs(this.#now() - claimedTime)
  }

  #isStuck(member: Member): boolean {
    return this.#age(member) > this.#stuckMs
  }

  #seconds({ claim }: Member, other: bigint): boolean {
    return claim !== undefined && claim + this.#maxLag >= other && claim <= other + this.#maxLag
  }
}
