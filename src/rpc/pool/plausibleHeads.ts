import type { Member } from './member.ts'

/** How much faster than its block time a chain may seem to grow: blocks come in bursts, and clocks differ. */
const HASTE = 5
const SLACK_BLOCKS = 50n

/**
 * Which claims of a head are taken for the chain's. One endpoint that claims a block from the far future would make
 * all honest ones look as if they lagged, and be left alone with the money (T12). Such a claim counts once another
 * endpoint makes it too; where there is no other, it has to be believed.
 */
export class PlausibleHeads {
  readonly #members: readonly Member[]
  readonly #maxLag: bigint
  readonly #blockTimeMs: number
  readonly #now: () => number
  #newest: { readonly head: bigint; readonly at: number } | undefined

  constructor(members: readonly Member[], maxLag: bigint, blockTimeMs: number, now: () => number = Date.now) {
    this.#members = members
    this.#maxLag = maxLag
    this.#blockTimeMs = blockTimeMs
    this.#now = now
  }

  /** Notes what an endpoint claims. Returns whether it is the newest block that anybody has shown. */
  note(member: Member, claim: bigint): boolean {
    member.claim = claim
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
    this.#goBack()
    return false
  }

  /** Whether a head is too far behind the newest that was believed. */
  isBehind(head: bigint): boolean {
    return this.#newest !== undefined && this.#newest.head - head > this.#maxLag
  }

  /** When everybody who answers is behind what was told before, it is the chain that went back. */
  #goBack(): void {
    const claims = this.#members
      .filter(({ closed, wrongChain }) => closed && !wrongChain)
      .map(({ claim }) => claim)
    if (!claims.every((claim) => claim !== undefined && this.isBehind(claim))) return
    const [highest] = claims.flatMap((claim) => claim ?? []).sort((a, b) => (a < b ? 1 : -1))
    if (highest !== undefined) this.#newest = { head: highest, at: this.#now() }
  }

  #believes(member: Member, claim: bigint): boolean {
    const newest = this.#newest
    if (newest === undefined) return true
    const elapsedMs = Math.abs(this.#now() - newest.at)
    const grown = BigInt(Math.ceil((HASTE * elapsedMs) / this.#blockTimeMs))
    if (claim <= newest.head + grown + this.#maxLag + SLACK_BLOCKS) return true
    const others = this.#members.filter((each) => each !== member && each.closed && !each.wrongChain)
    return others.length === 0 || others.some((each) => this.#seconds(each, claim))
  }

  #seconds({ claim }: Member, other: bigint): boolean {
    return claim !== undefined && claim + this.#maxLag >= other && claim <= other + this.#maxLag
  }
}
