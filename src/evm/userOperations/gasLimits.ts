import { type Hex, hexToBytes } from 'viem'
import { bundleOf, type PackedUserOperation } from './userOperation.ts'

const TRANSACTION_GAS = 21_000n
/** What the entry point does around each operation, measured. */
const AROUND_AN_OPERATION = 24_000n
/** For validating a signature and paying in advance; what is left is not paid. */
const VALIDATION = 150_000n

/** What no contract can measure while it runs: the transaction around the operation, and its bytes (EIP-2028). */
export function preVerificationGas(entryPoint: Hex, operation: PackedUserOperation): bigint {
  return intrinsicGas(bundleOf({ entryPoint, operation }, operation.sender)) + AROUND_AN_OPERATION
}

/** What a transaction takes before it begins, by its data (EIP-2028). */
export function intrinsicGas(data: Hex): bigint {
  const bytes = hexToBytes(data)
  const zeros = bytes.reduce((count, byte) => (byte === 0 ? count + 1 : count), 0)
  return TRANSACTION_GAS + BigInt(zeros * 4 + (bytes.length - zeros) * 16)
}

/** For validating it, and for deploying the account first, which took so much gas as a transaction. */
export function verificationGasLimit(deployment: bigint | undefined): bigint {
  return deployment === undefined ? VALIDATION : VALIDATION + withMargin(deployment)
}

/**
 * For a call that used so much as a transaction: up to a fifth of all that it took was given back at the end, and is
 * needed before it (EIP-3529); a sixty-fourth stays behind at each call deep (EIP-150). What is left over by more than
 * 40,000 costs a tenth of it.
 */
export function callGasLimit(used: bigint, callData: Hex): bigint {
  const own = withMargin(used) - intrinsicGas(callData)
  const needed = own > LEAST_CALL ? own : LEAST_CALL
  return (needed * 17n) / 16n
}

/** For a call that does nothing. */
const LEAST_CALL = 10_000n

const withMargin = (gas: bigint) => (gas * 5n + 3n) / 4n

/** As long as a signature is, and like one without zeros. */
export const SOME_SIGNATURE: Hex = `0x${'ff'.repeat(65)}`

/** Of nobody, and yet one that a key could have made: contracts give up at any other before they have cost their gas. */
export const WELL_FORMED_SIGNATURE: Hex = `0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798${'11'.repeat(32)}1c`
