/**
 * When two addresses are taken for one another. People, and what shows them addresses, look at the ends: the first and
 * the last four of the forty digits are what wallets and explorers leave of them.
 *
 * - `ends`: those eight digits agree, 32 bits. Somebody who wants such an address tries some 4 billion keys, minutes on
 *   one graphics card, and that is what poisoners do. By chance an honest recipient agrees so with one of n known
 *   addresses with a probability of n / 2^32: 1 in 4 million for a thousand, 1 in 4,300 for a million. Fewer digits
 *   would stop honest payments (3 + 3: 1 in 17 for a million), more would let poison through.
 * - `one digit` and `swapped digits`: one digit is another one (600 such addresses), or two neighbours are swapped (at
 *   most 39). Nobody finds the key of one, and chance does not either (n x 640 / 2^160): it is a slip of who typed it in
 *   one case, where no checksum speaks, and what is sent there is lost.
 */
export type Resemblance = 'ends' | 'one digit' | 'swapped digits'

/** What an address is looked up by. A known one that looks like it shares one of these three. */
export interface LookalikeKeys {
  /** The first and the last four digits, in lower case. */
  readonly ends: string
  /** The first eight digits: shared when a slip is behind them. */
  readonly head: string
  /** The last eight: shared when it is before them. */
  readonly tail: string
}

/**
 * Sixteen zeros in a row, 64 bits: nobody finds a key of such an address. Chains put their own contracts there, one
 * beside the other (0x4200...0006, 0x4200...0007), and they are nobody's poison.
 */
const SYSTEM = /0{16}/

const EVM_ADDRESS = /^0x[0-9a-f]{40}$/i

/** Undefined for what is no EVM address. */
export function lookalikeKeys(address: string): LookalikeKeys | undefined {
  if (!EVM_ADDRESS.test(address)) return undefined
  const digits = address.slice(2).toLowerCase()
  return { ends: digits.slice(0, 4) + digits.slice(-4), head: digits.slice(0, 8), tail: digits.slice(-8) }
}

/** In what an address looks like a known one; undefined when it does not, when it is the same, and for a chain's own. */
export function resemblance(address: string, other: string): Resemblance | undefined {
  const [a, b] = [address.toLowerCase(), other.toLowerCase()]
  if (a === b || !EVM_ADDRESS.test(a) || !EVM_ADDRESS.test(b) || SYSTEM.test(a)) return undefined
  const different = [...a].flatMap((digit, at) => (digit === b[at] ? [] : [at]))
  const [first = 0, second = 0] = different
  if (different.length === 1) return 'one digit'
  const areSwapped = second === first + 1 && a[first] === b[second] && a[second] === b[first]
  if (different.length === 2 && areSwapped) return 'swapped digits'
  return lookalikeKeys(a)?.ends === lookalikeKeys(b)?.ends ? 'ends' : undefined
}
