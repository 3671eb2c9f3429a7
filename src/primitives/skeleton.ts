/**
 * What names have in common that look alike: two with one skeleton are taken for one another (T8). It is only ever
 * compared, never shown. ENSIP-15 refuses what mixes scripts and what is wholly made of letters of another script that
 * look like Latin ones; what it lets pass is folded here: accents and other marks, Latin letters with strokes or from
 * phonetic alphabets, and what plain ASCII has of lookalikes.
 */
export function skeleton(name: string): string {
  const plain = [...name.normalize('NFKD').toLowerCase()]
    .filter((character) => !/\p{M}/u.test(character))
    .map((character) => LETTERS.get(character) ?? character)
    .join('')
  return plain.replaceAll('rn', 'm').replaceAll('vv', 'w').replaceAll('cl', 'd')
}

/** Each text begins with what stands for the rest of it. From Unicode's list of confusables (UTS 39), as far as it goes for lower case. */
const ALIKE = [
  'aɑαа',
  'bƅьвƀ',
  'cϲсƈ',
  'dԁɗđ',
  'eеҽєɇ',
  'gɡցǥ',
  'hһհħ',
  // One stroke: in many typefaces these are the same.
  'l1iı|ɩιіӏǀłƚ',
  'jϳј',
  'kκкƙ',
  'nոռɲ',
  'o0οоօøσ',
  'pρрϱ',
  'qԛգ',
  'rгɍ',
  'sѕꜱ',
  'tтτŧ',
  'uυսцʋ',
  'vνѵ',
  'wѡԝωա',
  'xхχ',
  'yуүγỿ',
  'zᴢƶ',
  '-_‐‑–',
]

const LETTERS: ReadonlyMap<string, string> = new Map(
  ALIKE.flatMap((group) => {
    const [first = '', ...others] = [...group]
    return others.map((other) => [other, first] as const)
  }),
)
