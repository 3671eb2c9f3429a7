/** For how long a call counts, with what the limiters add to a second. */
const SECOND_MS = 1_020
/** Calls that left so close together are kept as one entry. */
const TOGETHER_MS = 5

/** What left within the last second, which tells how long more calls would wait. */
export class RecentCalls {
  /** The oldest first. */
  #left: { readonly at: number; calls: number }[] = []

  note(calls: number, now: number): void {
    const last = this.#left.at(-1)
    if (last && now - last.at < TOGETHER_MS) {
      last.calls += calls
      return
    }
    this.#left = this.#left.filter(({ at }) => at + SECOND_MS > now)
    this.#left.push({ at: now, calls })
  }

  /** Milliseconds from `now` until the last of `calls` has room. Roughly: other processes are not seen here. */
  waitMs(calls: number, perSecond: number, now: number): number {
    const counting = this.#left.filter(({ at }) => at + SECOND_MS > now)
    const missing = calls + counting.reduce((sum, each) => sum + each.calls, 0) - perSecond
    if (missing <= 0) return 0
    // Whole seconds' worth of calls come around once a second; the rest waits for the oldest ones to run out.
    const rounds = Math.floor((missing - 1) / perSecond)
    let rest = missing - rounds * perSecond
    const last = counting.find((each) => {
      rest -= each.calls
      return rest <= 0
    })
    return Math.round(rounds * SECOND_MS + (last ? last.at + SECOND_MS - now : SECOND_MS))
  }
}
