import { type Hex, size } from 'viem'
import type { Batch } from '../../chains/actions.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import type { ChainClient } from '../../rpc/chainClient.ts'
import type { EvmDraft } from '../draft.ts'
import type { EvmAssets } from '../reads/assets.ts'
import { packingOf } from './contractAccount.ts'
import { draftCalls } from './draftCalls.ts'
import { multicall3Of, packCalls } from './multicall3.ts'

/** Nodes pass no transaction on that is larger than 128 KiB; the rest is room for what is around the data. */
const MAX_BYTES = 130_000

interface Place {
  readonly chain: Chain
  readonly client: ChainClient
  readonly assets: EvmAssets
}

/**
 * Several actions as one call of Multicall3, or of a contract account of the payer. Each is checked as it is when it
 * comes alone. Throws what `draftAction` does, saying in which call, and `batch_unavailable`.
 */
export async function draftBatch(
  place: Place,
  { actions, through }: Batch,
  from: Hex,
  signal: AbortSignal,
): Promise<EvmDraft> {
  const { chain, assets } = place
  const account = through as Hex | undefined
  const by = account ?? multicall3Of(chain)
  if (by === undefined) throw noMulticall3(chain, undefined)
  const { calls, sum } = await draftCalls(place, actions, account ?? from, signal)
  const pack = account ? await packingOf(account, from, place.client, signal) : packCalls
  // A contract account pays with what it holds.
  const value = account ? 0n : sum
  const make = (some: readonly EvmDraft[], wei: bigint) => ({
    ...{ chain: chain.id, from, to: by, callTo: by, isCall: true, value: wei },
    data: pack(some.map((call) => ({ to: call.callTo, value: call.value, data: call.data }))),
    outflow: { asset: assets.native, raw: wei },
  })
  const batch = make(calls, value)
  if (size(batch.data) > MAX_BYTES) {
    const reason = `all calls together are ${size(batch.data)} bytes, and a transaction holds ${MAX_BYTES}; send fewer at once`
    throw new BursarError('call_invalid', { reason })
  }
  return { ...batch, calls, ...(account && { apart: calls.map((call) => make([call], 0n)) }) }
}

export function noMulticall3({ id, name, env }: Chain, at: Hex | undefined): BursarError {
  return new BursarError('batch_unavailable', { name, env, at }, { chain: id })
}
