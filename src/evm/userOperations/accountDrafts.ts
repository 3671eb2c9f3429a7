import { type Hex, size } from 'viem'
import type { Action, Batch } from '../../chains/actions.ts'
import type { BroughtBy } from '../../chains/adapter.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import type { ChainClient } from '../../rpc/chainClient.ts'
import { checksum } from '../address.ts'
import { approvalsFor } from '../approvals.ts'
import { draftCalls } from '../batching/draftCalls.ts'
import { draftAction, type EvmDraft } from '../draft.ts'
import { asEvmPayload, type EvmPayload } from '../evmPayload.ts'
import type { EvmAssets } from '../reads/assets.ts'
import { draftPayload } from '../simulation/gasLimit.ts'
import { executionOf } from './execution.ts'
import type { SmartAccount, SmartAccounts } from './smartAccount.ts'
import { bundleOf, isUserOperation, recorded, unpacked } from './userOperation.ts'

/** Nodes pass no transaction on that is larger than 128 KiB; the rest is room for what is around the calls. */
const MAX_BYTES = 128_000

export interface Place {
  readonly chain: Chain
  readonly client: ChainClient
  readonly assets: EvmAssets
}

/** What a contract account is to do. What the call needs to be allowed is allowed in the same operation. */
export async function draftOfAccount(
  { chain, client, assets }: Place,
  action: Action,
  account: SmartAccount,
  signal: AbortSignal,
): Promise<EvmDraft> {
  const draft = await draftAction(chain.id, action, account.address, assets, signal)
  const approvals = (await approvalsFor(
    draft,
    assets.native,
    client,
    signal,
  )) as unknown as readonly EvmDraft[]
  return approvals.length === 0 ? draft : { ...draft, together: [...approvals, draft] }
}

/** Several actions in one operation of a contract account, each checked as if it came alone. */
export async function draftBatchOfAccount(
  { chain, assets }: Place,
  { actions, through }: Batch,
  { address }: SmartAccount,
  signal: AbortSignal,
): Promise<EvmDraft> {
  if (through !== undefined && through !== address) {
    const reason = `contractAccount is given, and the wallet is itself a contract account (${address}), which makes the calls`
    throw new BursarError('call_invalid', { reason })
  }
  const { calls, sum } = await draftCalls({ chain, assets }, actions, address, signal)
  const own = { chain: chain.id, from: address, to: address, callTo: address, isCall: true, value: 0n }
  const batch: EvmDraft = { ...own, data: '0x', outflow: { asset: assets.native, raw: sum }, calls }
  const bytes = size(executionOf(batch))
  if (bytes > MAX_BYTES) {
    const reason = `all calls together are ${bytes} bytes, and an operation holds ${MAX_BYTES}; send fewer at once`
    throw new BursarError('call_invalid', { reason })
  }
  return batch
}

/** The transaction that brings recorded bytes to their entry point; undefined for bytes that are one themselves. */
export function bundleFor(
  { chain, assets }: Place,
  accounts: SmartAccounts,
  raw: string,
): BroughtBy | undefined {
  if (!isUserOperation(raw)) return undefined
  const whole = recorded(raw as Hex)
  const account = checksum(whole.operation.sender)
  const owner = accounts(account)?.owner
  if (owner === undefined) throw new TypeError(`${account} is no account of a wallet on ${chain.id}`)
  const { entryPoint } = whole
  const draft: EvmDraft = {
    ...{ chain: chain.id, from: owner, to: entryPoint, callTo: entryPoint, isCall: true, value: 0n },
    ...{ data: bundleOf(whole, owner), outflow: { asset: assets.native, raw: 0n } },
  }
  const { payload } = unpacked(chain.id, whole)
  // What runs around an operation is in its limits; the entry point wants some more to be left.
  const gas = (BigInt(payload.gasLimit) * 5n) / 4n + 100_000n
  const unpaid: EvmPayload = { ...draftPayload(draft, gas), unpaid: true }
  return {
    ...{ draft, unpaid },
    isBroughtBy(payload) {
      const { to, data } = asEvmPayload(payload)
      return to === entryPoint && data === draft.data
    },
  }
}
