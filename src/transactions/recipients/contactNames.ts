import { BursarError } from '../../errors/bursarError.ts'
import { normalName } from '../../evm/reads/names.ts'
import { skeleton } from '../../primitives/skeleton.ts'
import { untrusted } from '../../primitives/untrusted.ts'

/** A name by which the address book is asked, and what it looks like. */
export interface ContactName {
  readonly name: string
  readonly skeleton: string
}

/** Longer ones are cut where they are shown, and then one stands for another. */
const MOST_CHARACTERS = 40

/** Words that mean something else where a name may stand. */
const RESERVED: ReadonlySet<string> = new Set(['native', 'all', 'any', 'none', 'me', 'self'])

/**
 * The name of a contact as it is kept. Dots are for ENS, and what begins with 0x reads like an address. Throws
 * `name_invalid`.
 */
export async function contactName(given: string, field: string): Promise<ContactName> {
  const { name, refused } = await normalName(given)
  const invalid = (reason: string, quoted = refused) =>
    new BursarError(
      'name_invalid',
      { field, given: untrusted(given, 80).untrusted, reason },
      quoted ? { quoted } : {},
    )
  if (name === undefined)
    throw invalid(
      'ENSIP-15 does not allow it (it mixes scripts, looks like another one, or has what no name has)',
    )
  if ([...name].length > MOST_CHARACTERS) throw invalid(`it has more than ${MOST_CHARACTERS} characters`)
  if (name === '' || name.includes('.')) throw invalid('it is empty or has a dot, which is for ENS names')
  if (/^0x|^[0-9a-f]{16,}$/.test(name)) throw invalid('it reads like an address')
  if (RESERVED.has(name)) throw invalid('that word means something else')
  return { name, skeleton: skeleton(name) }
}
