/**
 * Text that a stranger wrote (R9): token names, revert strings, metadata. It is shown, never obeyed and
 * never used to decide anything; the wrapper object keeps it apart from Bursar's own words.
 */
export interface UntrustedText {
  readonly untrusted: string
}

const CAP = 128
// Everything that renders as nothing or moves other text: controls, bidi marks and isolates, zero widths,
// variation selectors, tag characters, soft hyphens, line and paragraph separators, lone surrogates.
const INVISIBLE =
  /\p{Cc}|\p{Cf}|\p{Co}|\p{Cs}|\p{Zl}|\p{Zp}|[\u115F\u1160\u2800\u3164\uFFA0]|[\uFE00-\uFE0F]|[\u{E0100}-\u{E01EF}]/gu

/** Caps a stranger's text at 128 characters and shows each invisible character as its code point, e.g. `\u{202e}`. */
export function untrusted(text: string, cap = CAP): UntrustedText {
  const visible = text
    .slice(0, cap * 4)
    .replace(INVISIBLE, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
  const points = [...visible]
  return { untrusted: points.length > cap ? `${points.slice(0, cap).join('')}…` : visible }
}
