import { decodeAbiParameters, type Hex } from 'viem'
import { type UntrustedText, untrusted } from '../../primitives/untrusted.ts'
import type { RpcErrorBody } from '../../rpc/transport.ts'
import { type AbiError, knownError, meaningOf } from './knownErrors.ts'

export interface Revert {
  /** Our words. */
  readonly reason: string
  /** The contract's words. */
  readonly quoted?: UntrustedText
}

/** Words by which nodes say that a transaction itself cannot run, whoever is asked. */
const VERDICT =
  /revert|insufficient|intrinsic|exceeds|too low|too high|fee cap|base fee|invalid opcode|stack (under|over)flow|out ?of ?gas/i

/**
 * What eth_simulateV1 says of blocks that it is to make up, of code that is to be elsewhere, and of its own limits
 * (ethereum/execution-apis, "eth_simulateV1").
 */
const OF_REQUEST: ReadonlySet<number> = new Set([-38_020, -38_021, -38_022, -38_023, -38_026])

/**
 * Whether a refusal is the chain's word about the transaction: a revert (code 3, or revert data), a failed validation
 * (-38xxx of eth_simulateV1), or words that say so. Anything else is an endpoint that could not answer.
 */
export function isVerdict({ code, message, data }: RpcErrorBody): boolean {
  if (code === 429 || code === -32005 || OF_REQUEST.has(code)) return false
  if (code === 3 || (code <= -38_000 && code > -39_000)) return true
  return (typeof data === 'string' && /^0x([0-9a-f]{2})+$/i.test(data)) || VERDICT.test(message)
}

/** Meanings of Panic codes, from the Solidity documentation on assert and Panic. */
const PANICS: Readonly<Record<string, string>> = {
  '0': 'a compiler-inserted check',
  '1': 'an assertion that does not hold',
  '17': 'arithmetic overflow or underflow',
  '18': 'division by zero',
  '33': 'a value that is not of the enum',
  '34': 'storage that is wrongly encoded',
  '49': 'pop on an empty array',
  '50': 'an array index out of bounds',
  '65': 'too much memory allocated',
  '81': 'a call to an uninitialised function',
}

/**
 * What revert data means. What a contract says in its own words is quoted, and so are the raw bytes of an error that we
 * do not know.
 */
export function decodeRevert(data: Hex, depth = 0): Revert {
  if (data === '0x') return { reason: 'without a reason' }
  const selector = data.slice(0, 10).toLowerCase() as Hex
  try {
    if (selector === ERROR) return fromString(parametersOf(data, ['string'])[0])
    if (selector === PANIC) return fromPanic(parametersOf(data, ['uint256'])[0])
    if (selector === EXECUTE_ERROR && depth < MOST_WITHIN)
      return fromBatch(parametersOf(data, ['uint256', 'bytes']), depth)
    const error = knownError(selector)
    if (error) return fromKnown(error, decodeAbiParameters(error.inputs, parameterBytes(data)))
  } catch {
    // It begins like an error that we know, and does not hold what that has.
  }
  return { reason: `custom error ${selector} (raw data in quoted)`, quoted: untrusted(data, 256) }
}

/** Selector of ExecuteError(uint256,bytes), by which contract accounts say which call of a batch failed, and how. */
const EXECUTE_ERROR: Hex = '0x5a154675'

/** Selectors of Error(string) and Panic(uint256). */
const ERROR: Hex = '0x08c379a0'
const PANIC: Hex = '0x4e487b71'

const parameterBytes = (data: Hex): Hex => `0x${data.slice(10)}`

function parametersOf(data: Hex, types: readonly string[]): readonly unknown[] {
  return decodeAbiParameters(
    types.map((type) => ({ type })),
    parameterBytes(data),
  )
}

/** Batches within batches; whoever packs more wants to be read for ever. */
const MOST_WITHIN = 3

function fromBatch([index, error]: readonly unknown[], depth: number): Revert {
  const { reason, quoted } = decodeRevert(error as Hex, depth + 1)
  return { reason: `calls[${String(index)}], ${reason}`, ...(quoted && { quoted }) }
}

function fromString(text: unknown): Revert {
  const words = String(text)
  const meaning = meaningOf(words)
  const reason =
    meaning === undefined ? 'with a reason string (see quoted)' : `${meaning} (its words in quoted)`
  return { reason, quoted: untrusted(words) }
}

function fromPanic(value: unknown): Revert {
  const code = String(value)
  return { reason: `Panic ${code}: ${PANICS[code] ?? 'an unknown panic'}` }
}

/** Numbers and addresses are shown; text and bytes are the contract's own words, and so are quoted (R9). */
function fromKnown({ name, inputs }: AbiError, args: readonly unknown[]): Revert {
  const isOpen = (index: number) => ['string', 'bytes'].includes(inputs[index]?.type ?? '')
  const shown = args.map((arg, index) => (isOpen(index) ? '(see quoted)' : String(arg)))
  const words = args.filter((_, index) => isOpen(index)).map(String)
  const reason = `${name}(${shown.join(', ')})`
  return words.length === 0 ? { reason } : { reason, quoted: untrusted(words.join(' ')) }
}
