import type { ArgumentRule } from './document.ts'

/** What is wrong with what a rule wants of an argument, by its type without arrays; of a tuple every member is meant. */
export function argumentProblems(
  { oneOf = [], self, min, max }: ArgumentRule,
  type: string,
): readonly string[] {
  if (type === 'tuple') return []
  const isBounded = min !== undefined || max !== undefined
  const isNumber = INTEGER.test(type)
  return [
    ...oneOf.filter((text) => !mayBe(type, text)).map((text) => `is a ${type}, and never "${text}"`),
    ...(self && type !== 'address' ? [`is a ${type}, and never the account itself`] : []),
    ...(isBounded && !isNumber ? [`is a ${type}, which has no min and no max`] : []),
    ...(min !== undefined && max !== undefined && BigInt(min) > BigInt(max)
      ? ['has a min above its max']
      : []),
  ]
}

const INTEGER = /^u?int/
const BYTES = /^bytes(\d*)$/

/** As calls tell their arguments: numbers in decimal without zeros before them, bytes as hex. */
function mayBe(type: string, text: string): boolean {
  if (INTEGER.test(type)) return (type.startsWith('u') ? /^(0|[1-9]\d*)$/ : /^(0|-?[1-9]\d*)$/).test(text)
  if (type === 'bool') return /^(true|false)$/i.test(text)
  const [, size] = BYTES.exec(type) ?? []
  if (size === undefined) return true
  return /^0x([0-9a-f]{2})*$/i.test(text) && (size === '' || text.length === 2 + 2 * Number(size))
}
