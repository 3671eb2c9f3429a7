import { size, slice, toFunctionSelector } from 'viem'
import type { CallFrame } from '../simulation/execution.ts'

/** The entry point calls itself with it for each operation, so that what fails takes nothing else along. */
const INNER_HANDLE_OP = toFunctionSelector(
  'function innerHandleOp(bytes callData, ((address sender, uint256 nonce, uint256 verificationGasLimit, uint256 callGasLimit, uint256 paymasterVerificationGasLimit, uint256 paymasterPostOpGasLimit, uint256 preVerificationGas, address paymaster, uint256 maxFeePerGas, uint256 maxPriorityFeePerGas) mUserOp, bytes32 userOpHash, uint256 prefund, uint256 contextOffset, uint256 preOpGas) opInfo, bytes context)',
)
/** Behind the selector, the place of the calldata, and ten words of the operation. */
const HASH_AT = 4 + 32 * 11

/**
 * The call within a transaction by which the entry point has run an operation: neither what it took in advance for the
 * fee, nor what others in the same transaction did. Undefined where there is none.
 */
export function runIn(whole: CallFrame, entryPoint: string, hash: string): CallFrame | undefined {
  const left = [whole]
  for (let frame = left.pop(); frame !== undefined; frame = left.pop()) {
    const { from, to, type, input, calls } = frame
    const isOwn = from === entryPoint && to === entryPoint && type === 'CALL'
    const isRun = isOwn && input.startsWith(INNER_HANDLE_OP) && size(input) >= HASH_AT + 32
    if (isRun && slice(input, HASH_AT, HASH_AT + 32) === hash) return frame
    left.push(...calls)
  }
  return undefined
}
