export interface Guess {
  readonly name: string
  readonly slips: number
}

/** The candidate with the fewest typing slips from `text`, when at most `limit` separate them. */
export function nearest(text: string, candidates: readonly string[], limit: number): Guess | undefined {
  return speller(candidates, limit)(text)
}

/** `nearest` for many texts and the same candidates. */
export function speller(candidates: readonly string[], limit: number): (text: string) => Guess | undefined {
  const prepared = candidates.map((name) => ({ name, letters: letterSet(name) }))
  return (text) => {
    const letters = letterSet(text)
    let best: Guess | undefined
    for (const { name, letters: others } of prepared) {
      const bound = best ? best.slips - 1 : limit
      // Each slip changes the length by at most one and the set of letters by at most two. Checking that first
      // spares start-up nearly every comparison.
      if (Math.abs(name.length - text.length) > bound || bitsIn(letters ^ others) > 2 * bound) continue
      const slips = slipsBetween(text, name, bound)
      if (slips !== undefined) best = { name, slips }
    }
    return best
  }
}

function letterSet(text: string): number {
  let set = 0
  for (let index = 0; index < text.length; index++) set |= 1 << (text.charCodeAt(index) & 31)
  return set
}

function bitsIn(set: number): number {
  let count = 0
  for (let rest = set; rest !== 0; rest &= rest - 1) count++
  return count
}

/**
 * Insertions, deletions, substitutions and swaps of neighbours between two texts (optimal string alignment);
 * undefined above `limit`, which it finds out early.
 */
function slipsBetween(a: string, b: string, limit: number): number | undefined {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1]
      let slips = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
      )
      const swapped = a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      if (row > 1 && column > 1 && swapped) slips = Math.min(slips, at(beforeLast, column - 2) + 1)
      current.push(slips)
    }
    if (Math.min(...current) > limit) return undefined
    beforeLast = last
    last = current
  }
  const slips = at(last, b.length)
  return slips <= limit ? slips : undefined
}

const at = (row: readonly number[], column: number) => row[column] ?? Number.POSITIVE_INFINITY
