import { decodeErrorResult, type Hex, parseAbi } from 'viem'
import { type UntrustedText, untrusted } from '../primitives/untrusted.ts'
import type { RpcErrorBody } from '../rpc/transport.ts'
import { sharedErrorsAbi } from './abi.ts'

export interface Revert {
  /** Our words. */
  readonly reason: string
  /** The contract's words. */
  readonly quoted?: UntrustedText
}

const builtInErrors = parseAbi(['error Error(string)', 'error Panic(uint256)'])

/** Words by which nodes say that a transaction itself cannot run, whoever is asked. */
const VERDICT =
  /revert|insufficient|intrinsic|exceeds|too low|too high|fee cap|base fee|invalid opcode|stack (under|over)flow|out ?of ?gas/i

/**
 * Whether a refusal is the chain's word about the transaction: a revert (code 3, or revert data), a failed validation
 * (-38xxx of eth_simulateV1), or words that say so. Anything else is an endpoint that could not answer.
 */
export function isVerdict({ code, message, data }: RpcErrorBody): boolean {
  if (code === 429 || code === -32005) return false
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

/** What revert data means. Custom errors that we do not know are given by selector, with their raw bytes quoted. */
export function decodeRevert(data: Hex): Revert {
  if (data === '0x') return { reason: 'without a reason' }
  try {
    const { errorName, args } = decodeErrorResult({ abi: [...builtInErrors, ...sharedErrorsAbi], data })
    if (errorName === 'Error')
      return { reason: 'with a reason string (see quoted)', quoted: untrusted(String(args?.[0])) }
    if (errorName === 'Panic') {
      const code = String(args?.[0])
      return { reason: `Panic ${code}: ${PANICS[code] ?? 'an unknown panic'}` }
    }
    return { reason: `${errorName}(${(args ?? []).map(String).join(', ')})` }
  } catch {
    return { reason: `custom error ${data.slice(0, 10)} (raw data in quoted)`, quoted: untrusted(data, 256) }
  }
}
