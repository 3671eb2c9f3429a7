import { decodeEventLog, type Hex, toFunctionSelector } from 'viem'
import { decodeRevert, type Revert } from '../calls/reverts.ts'
import type { EvmPayload } from '../evmPayload.ts'
import type { RawLog } from '../simulation/execution.ts'
import { ENTRY_POINT } from './smartAccount.ts'
import { entryPointAbi } from './userOperation.ts'

const HANDLE_OPS = toFunctionSelector(entryPointAbi[0])
const REVERT_REASON = 'UserOperationRevertReason'

/** Whether a payload brings user operations to their entry point. */
export function isBundle({ to, data }: Pick<EvmPayload, 'to' | 'data'>): boolean {
  return to === ENTRY_POINT && data.startsWith(HANDLE_OPS)
}

/**
 * Why an operation that a payload brings fails, which the entry point tells by events and not by failing itself.
 * Undefined when all of them pass, and for every other payload.
 */
export function failedOperation(payload: EvmPayload, logs: readonly RawLog[]): Revert | undefined {
  if (!isBundle(payload)) return undefined
  const events = logs.flatMap((log) => told(log) ?? [])
  if (!events.some(({ eventName }) => eventName === 'UserOperationEvent')) {
    return { reason: 'nobody tells what becomes of its user operation' }
  }
  const failed = events.find((event) => event.eventName === 'UserOperationEvent' && !event.args.success)
  if (!failed) return undefined
  const why = events.find((event) => event.eventName === REVERT_REASON)
  const { reason, quoted } = decodeRevert(why?.eventName === REVERT_REASON ? why.args.revertReason : '0x')
  return { reason: `its user operation fails: ${reason}`, ...(quoted && { quoted }) }
}

function told({ address, topics, data }: RawLog) {
  if (address !== ENTRY_POINT || topics[0] === undefined) return undefined
  try {
    return decodeEventLog({ abi: entryPointAbi, topics: topics as [Hex, ...Hex[]], data })
  } catch {
    // Of those events of the entry point that are of no concern here.
    return undefined
  }
}
