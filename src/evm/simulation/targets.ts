import type { Hex } from 'viem'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import { noMulticall3 } from '../batching/draftBatch.ts'
import { placeOf } from '../batching/draftCalls.ts'
import type { EvmDraft } from '../draft.ts'

/** Below this, chains have contracts without code: the precompiles. */
const FIRST_ORDINARY_ADDRESS = 0x10000n

/** Asks for the code of what a draft calls, itself and within. */
export function codeRequests(draft: EvmDraft): readonly RpcRequest[] {
  return targetsOf(draft).map((target) => ({ method: 'eth_getCode', params: [target, 'latest'] }))
}

/**
 * Throws `call_invalid` for a call to an account without code, which would succeed and do nothing, and
 * `batch_unavailable` where nobody is there to make the calls of a batch. `outcomes` answer `codeRequests`.
 */
export function requireContracts(
  chain: Chain,
  draft: EvmDraft,
  outcomes: readonly RpcOutcome[],
  client: ChainClient,
): void {
  const empty = targetsOf(draft).filter((target, index) => {
    return (
      resultOf(outcomes[index], 'eth_getCode', client) === '0x' && BigInt(target) >= FIRST_ORDINARY_ADDRESS
    )
  })
  if (empty.length === 0) return
  if (draft.calls && empty.includes(draft.callTo)) throw noMulticall3(chain, draft.callTo)
  for (const [index, call] of (draft.calls ?? [draft]).entries()) {
    if (!call.isCall || !empty.includes(call.callTo)) continue
    const reason = `there is no contract at ${call.callTo} on this chain`
    const error = new BursarError('call_invalid', { reason }, { chain: chain.id })
    throw draft.calls ? error.at(placeOf(index)) : error
  }
}

function targetsOf(draft: EvmDraft): readonly Hex[] {
  const called = [draft, ...(draft.calls ?? [])].filter(({ isCall }) => isCall)
  return [...new Set(called.map(({ callTo }) => callTo))]
}
