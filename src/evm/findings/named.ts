/** Addresses in a sentence: a stranger decides how many there are. */
export function named(addresses: Iterable<string>): string {
  const all = [...new Set(addresses)]
  const [shown, more] = [all.slice(0, MOST_NAMED).join(', '), all.length - MOST_NAMED]
  return more > 0 ? `${shown} and ${more} more` : shown
}

const MOST_NAMED = 4
