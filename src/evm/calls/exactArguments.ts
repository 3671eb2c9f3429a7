import { type AbiParameter, decodeAbiParameters, encodeAbiParameters, type Hex, hexToBytes } from 'viem'

const WORD = 32
/** What is pointed at more than once is small in honest calls. */
const MOST_TIMES = 4
/** Of a parameter, and of all that it points at. */
const ARRAY = /^(.*)\[(\d*)\]$/

/**
 * The arguments of a call, after its selector. Throws when they do not fit; when a number is larger than its type, since
 * some contracts then refuse it and others look at its end only; and when offsets that lead to the same bytes again and
 * again make much of little.
 */
export function exactArguments(inputs: readonly AbiParameter[], input: Hex): readonly unknown[] {
  const data: Hex = `0x${input.slice(10)}`
  requireModest(inputs, hexToBytes(data))
  const args = decodeAbiParameters(inputs, data)
  encodeAbiParameters(inputs, args)
  return args
}

/** Walks the offsets and lengths without copying anything. Bytes that are missing are left to the decoder. */
function requireModest(inputs: readonly AbiParameter[], bytes: Uint8Array): void {
  let left = (bytes.length + WORD) * MOST_TIMES
  const take = (size: number) => {
    left -= size
    if (left < 0) throw new TypeError('arguments that overlap')
  }
  const numberAt = (at: number) => {
    const word = bytes.subarray(at, at + WORD)
    return word.length < WORD ? 0 : Number(word.reduce((sum, byte) => sum * 256 + byte, 0))
  }
  /** Walks values that lie side by side; offsets count from where the first of them begins. */
  const walkAll = (parameters: readonly AbiParameter[], start: number) => {
    let at = start
    for (const parameter of parameters) {
      if (isDynamic(parameter)) {
        take(WORD)
        walk(parameter, start + numberAt(at))
        at += WORD
      } else {
        const size = sizeOf(parameter)
        take(size)
        at += size
      }
    }
  }
  const walk = (parameter: AbiParameter, at: number) => {
    const array = ARRAY.exec(parameter.type)
    if (array) {
      const [, type = '', length = ''] = array
      const count = length === '' ? numberAt(at) : Number(length)
      const start = length === '' ? at + WORD : at
      take(count * WORD)
      walkAll(
        Array.from({ length: count }, () => ({ ...parameter, type })),
        start,
      )
    } else if (parameter.type === 'tuple') walkAll(membersOf(parameter), at)
    else take(numberAt(at) + WORD)
  }
  walkAll(inputs, 0)
}

const membersOf = (parameter: AbiParameter): readonly AbiParameter[] =>
  'components' in parameter ? parameter.components : []

function isDynamic(parameter: AbiParameter): boolean {
  const [, type, length] = ARRAY.exec(parameter.type) ?? []
  if (type !== undefined) return length === '' || isDynamic({ ...parameter, type })
  if (parameter.type === 'tuple') return membersOf(parameter).some(isDynamic)
  return parameter.type === 'bytes' || parameter.type === 'string'
}

/** In bytes, of what is not dynamic. */
function sizeOf(parameter: AbiParameter): number {
  const [, type, length] = ARRAY.exec(parameter.type) ?? []
  if (type !== undefined) return Number(length) * sizeOf({ ...parameter, type })
  if (parameter.type === 'tuple') return membersOf(parameter).reduce((sum, each) => sum + sizeOf(each), 0)
  return WORD
}
