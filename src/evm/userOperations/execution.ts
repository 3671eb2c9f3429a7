import { encodeFunctionData, type Hex, parseAbi } from 'viem'
import type { EvmDraft } from '../draft.ts'

/** What SimpleAccount, and accounts that follow it, take from their entry point since release 0.8. */
const accountAbi = parseAbi([
  'struct Call { address target; uint256 value; bytes data; }',
  'function execute(address target, uint256 value, bytes data)',
  'function executeBatch(Call[] calls)',
])

/** Calldata by which an account does what a draft says, all of it or nothing. */
export function executionOf(draft: EvmDraft): Hex {
  const calls = callsOf(draft).map(({ callTo, value, data }) => ({ target: callTo, value, data }))
  const [first] = calls
  if (first && calls.length === 1) {
    const { target, value, data } = first
    return encodeFunctionData({ abi: accountAbi, functionName: 'execute', args: [target, value, data] })
  }
  return encodeFunctionData({ abi: accountAbi, functionName: 'executeBatch', args: [calls] })
}

/** The calls that an account makes for a draft, in order. */
function callsOf(draft: EvmDraft): readonly EvmDraft[] {
  return draft.together ?? draft.calls ?? [draft]
}
