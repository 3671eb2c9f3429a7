import type { Hex } from 'viem'
import type { Action } from '../../chains/actions.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError, isBursarError } from '../../errors/bursarError.ts'
import { draftAction, type EvmDraft } from '../draft.ts'
import type { EvmAssets } from '../reads/assets.ts'

const MAX_UINT256 = 2n ** 256n - 1n

interface DraftedCalls {
  readonly calls: readonly EvmDraft[]
  /** What all of them send together, in wei. */
  readonly sum: bigint
}

/** The calls of a batch, each checked as it is when it comes alone. Throws what `draftAction` does, saying in which call. */
export async function draftCalls(
  { chain, assets }: { readonly chain: Chain; readonly assets: EvmAssets },
  actions: readonly Action[],
  from: Hex,
  signal: AbortSignal,
): Promise<DraftedCalls> {
  const drafting = actions.map((action, index) =>
    draftAction(chain.id, action, from, assets, signal).catch((error: unknown) => {
      throw isBursarError(error) ? error.at(placeOf(index)) : error
    }),
  )
  const calls = await Promise.all(drafting)
  const sum = calls.reduce((total, call) => total + call.value, 0n)
  if (sum > MAX_UINT256) {
    const reason = 'the amounts of all calls together do not fit into 256 bits'
    throw new BursarError('amount_invalid', { given: '', reason, decimals: assets.native.decimals })
  }
  return { calls, sum }
}

/** A call as its caller numbers it. */
export const placeOf = (index: number) => `calls[${index}]`
