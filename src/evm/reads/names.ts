import type { UntrustedText } from '../../primitives/untrusted.ts'
import { untrusted } from '../../primitives/untrusted.ts'

/** The one spelling that a name has, or why it has none, in the words of the standard's own library. */
export type NormalName =
  | { readonly name: string; readonly refused?: never }
  | { readonly name?: never; readonly refused: UntrustedText }

/**
 * A name as ENSIP-15 spells it: one form for capitals, widths and invisible characters; refused when it mixes scripts, or
 * looks as a whole like one of another script. The tables are 50 kB and needed for names only.
 */
export async function normalName(text: string): Promise<NormalName> {
  const { normalize } = await import('viem/ens')
  try {
    return { name: normalize(text) }
  } catch (error) {
    return { refused: untrusted(error instanceof Error ? error.message : String(error)) }
  }
}
