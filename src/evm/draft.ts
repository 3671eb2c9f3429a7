import { encodeFunctionData, type Hex } from 'viem'
import type { Action } from '../chains/actions.ts'
import type { Asset, Draft } from '../chains/adapter.ts'
import type { ChainId } from '../chains/types.ts'
import { BursarError } from '../errors/bursarError.ts'
import { type AmountProblem, parseAmount } from '../primitives/amount.ts'
import { parseRecipient } from './address.ts'
import { erc20Abi } from './calls/abi.ts'
import { encodeCall, parseCalldata } from './calls/calls.ts'
import type { EvmAssets } from './reads/assets.ts'

export interface EvmDraft extends Draft {
  readonly chain: ChainId
  readonly from: Hex
  readonly to: Hex
  /** Where the transaction goes: the recipient, or the token or contract that is called. */
  readonly callTo: Hex
  readonly value: bigint
  readonly data: Hex
  readonly calls?: readonly EvmDraft[]
  /** What a contract account does at once for it: what the call needs to be allowed, and the call. */
  readonly together?: readonly EvmDraft[]
  /** The same calls as transactions of their own, where they would be others than `calls`. */
  readonly apart?: readonly EvmDraft[]
}

const PROBLEMS: Readonly<Record<AmountProblem, string>> = {
  'not-decimal': 'it is not a decimal number written as text',
  'too-many-decimals': 'it has more decimals than the asset',
  'not-positive': 'it is negative',
  'too-large': 'it does not fit into 256 bits',
}

/** Base units of `amount`, which must be positive unless zero is allowed. Throws `amount_invalid`. */
function amountOf(amount: string, asset: Asset, allowZero: boolean): bigint {
  const raw = parseAmount(amount, asset.decimals)
  if (typeof raw === 'bigint' && (raw > 0n || allowZero)) return raw
  throw new BursarError('amount_invalid', {
    given: amount.slice(0, 80),
    reason: typeof raw === 'bigint' ? 'it is zero' : PROBLEMS[raw],
    decimals: asset.decimals,
  })
}

/** Zero to the account itself. */
export function draftNothing(chain: ChainId, from: Hex, native: Asset): EvmDraft {
  const outflow = { asset: native, raw: 0n }
  return { chain, from, to: from, isCall: false, callTo: from, value: 0n, data: '0x', outflow }
}

/** Resolves an action against the chain. Everything that the caller got wrong is found here. */
export async function draftAction(
  chain: ChainId,
  action: Action,
  from: Hex,
  assets: EvmAssets,
  signal: AbortSignal,
): Promise<EvmDraft> {
  const to = parseRecipient(action.to, 'to')
  const isCall = action.function !== undefined || action.data !== undefined
  return isCall
    ? draftCall(chain, action, from, to, assets, signal)
    : draftTransfer(chain, action, from, to, assets, signal)
}

async function draftCall(
  chain: ChainId,
  action: Action,
  from: Hex,
  to: Hex,
  assets: EvmAssets,
  signal: AbortSignal,
): Promise<EvmDraft> {
  if (action.function !== undefined && action.data !== undefined) {
    throw new BursarError('call_invalid', { reason: 'both function and data are given' })
  }
  if (action.function === undefined && action.args !== undefined) {
    throw new BursarError('call_invalid', { reason: 'args are given without function' })
  }
  const call =
    action.function === undefined
      ? { data: parseCalldata(action.data ?? '0x') }
      : encodeCall(action.function, action.args ?? [])
  const common = { chain, from, to, isCall: true, callTo: to, ...call }
  if (action.asset === undefined || assets.isNative(action.asset)) {
    const raw = action.amount === undefined ? 0n : amountOf(action.amount, assets.native, true)
    return { ...common, value: raw, outflow: { asset: assets.native, raw } }
  }
  const asset = await assets.resolve(action.asset, signal)
  if (asset.address === to) {
    const reason = 'asset is the contract that is called, which needs no allowance; drop asset and amount'
    throw new BursarError('call_invalid', { reason })
  }
  if (action.amount === undefined) {
    const reason = 'a call with an asset needs the amount that the contract may take of it'
    throw new BursarError('amount_invalid', { given: '', reason, decimals: asset.decimals })
  }
  return { ...common, value: 0n, outflow: { asset, raw: amountOf(action.amount, asset, false) } }
}

async function draftTransfer(
  chain: ChainId,
  action: Action,
  from: Hex,
  to: Hex,
  assets: EvmAssets,
  signal: AbortSignal,
): Promise<EvmDraft> {
  if (action.amount === undefined) {
    throw new BursarError('amount_invalid', { given: '', reason: 'a transfer needs an amount', decimals: 18 })
  }
  if (action.args !== undefined) {
    throw new BursarError('call_invalid', { reason: 'args are given without function' })
  }
  const asset = await assets.resolve(action.asset ?? 'native', signal)
  if (asset.address === to || assets.lists(to)) {
    const reason = 'it is a token contract, and what is sent there is lost'
    throw new BursarError('recipient_refused', { given: to, reason }, { chain })
  }
  const raw = amountOf(action.amount, asset, false)
  const common = { chain, from, to, isCall: false, outflow: { asset, raw } }
  if (asset.address === undefined) return { ...common, callTo: to, value: raw, data: '0x' }
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [to, raw] })
  return { ...common, callTo: asset.address as Hex, value: 0n, data }
}
