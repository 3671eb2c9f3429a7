/**
 * Text that a stranger wrote (R9): token names, revert strings, metadata. It is shown, never obeyed and
 * never used to decide anything; the wrapper object keeps it apart from Bursar's own words.
 */
export interface UntrustedText {
  readonly untrusted: string
  /** A word of it has letters of several scripts, as what is made to look like another word has. It decides nothing. */
  readonly mixesScripts?: true
}

const CAP = 128
// Everything that renders as nothing or moves other text: controls, bidi marks and isolates, zero widths, variation
// selectors, tag characters, soft hyphens, line and paragraph separators, lone surrogates, blanks that are letters. And
// marks beyond the third on one letter, which climb over the lines around it.
const INVISIBLE =
  /\p{Cc}|\p{Cf}|\p{Co}|\p{Cs}|\p{Zl}|\p{Zp}|\p{Default_Ignorable_Code_Point}|\p{Noncharacter_Code_Point}|\u2800|(?<=\p{M}{3})\p{M}/gu

/**
 * A text with each invisible character shown as its code point, whoever wrote it: for the doors by which text leaves, where
 * what a stranger wrote may have come along in what a caller gave. Line ends stay when they are meant.
 */
export function visible(text: string, keep: 'lines' | 'none' = 'none'): string {
  return text.replace(INVISIBLE, (character) => {
    if (character === '\n' && keep === 'lines') return character
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
  })
}

/** The same for a line of JSON, which stays one: each as JSON itself escapes it. */
export function visibleJson(line: string): string {
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
  return line.replace(INVISIBLE, (character) => {
    return character === '\n' ? character : character.split('').map(escaped).join('')
  })
}

/** Caps a stranger's text at 128 characters and shows each invisible character as its code point, e.g. `\u{202e}`. */
export function untrusted(text: string, cap = CAP): UntrustedText {
  const shown = visible(text.slice(0, cap * 4))
  const points = [...shown]
  const capped = points.length > cap ? `${points.slice(0, cap).join('')}…` : shown
  return { untrusted: capped, ...(mixesScripts(capped) && { mixesScripts: true }) }
}

/** Of those whose letters are taken for Latin ones. */
const OTHER_SCRIPT =
  /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}\p{Script=Cherokee}\p{Script=Lisu}\p{Script=Coptic}]/u

function mixesScripts(text: string): boolean {
  const words = text.match(/[\p{L}\p{M}]+/gu) ?? []
  return words.some((word) => /\p{Script=Latin}/u.test(word) && OTHER_SCRIPT.test(word))
}

/**
 * A stranger's text where there are only lines of text, as in a terminal: between marks that say so, and that it cannot
 * end by itself.
 */
export function quotedWords({ untrusted: words }: UntrustedText): string {
  return `«${words.replace(/[«»]/g, (mark) => (mark === '«' ? '\\u{ab}' : '\\u{bb}'))}»`
}
