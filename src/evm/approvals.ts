import { decodeFunctionData, encodeFunctionData, type Hex } from 'viem'
import type { ApprovalDraft, Asset } from '../chains/adapter.ts'
import { type ChainClient, resultOf } from '../rpc/chainClient.ts'
import type { RpcOutcome } from '../rpc/transport.ts'
import { erc20Abi } from './calls/abi.ts'
import { isVerdict } from './calls/reverts.ts'
import type { EvmDraft } from './draft.ts'
import type { EvmPayload } from './evmPayload.ts'
import { asHex } from './quantity.ts'

/**
 * What must be allowed before a call can take the tokens that its caller names: nothing while the allowance is enough,
 * else exactly that amount (C8). Tokens that refuse to change an allowance that is not zero have it reset before.
 */
export async function approvalsFor(
  draft: EvmDraft,
  native: Asset,
  client: ChainClient,
  signal: AbortSignal,
): Promise<readonly ApprovalDraft[]> {
  const { outflow, from, callTo: spender } = draft
  const token = outflow.asset.address as Hex | undefined
  if (!draft.isCall || token === undefined || outflow.raw === 0n) return []
  const approve = (raw: bigint) => approval(draft, native, token, spender, raw)
  const wanted = approve(outflow.raw)
  const [allowed, tried] = await client.batch(
    [
      { method: 'eth_call', params: [{ to: token, data: allowanceData(from, spender) }, 'latest'] },
      { method: 'eth_call', params: [{ from, to: token, data: wanted.data }, 'latest'] },
    ],
    signal,
  )
  const allowance = amountOf(allowed, client)
  if (allowance >= outflow.raw) return []
  const refuses = tried?.ok === false && isVerdict(tried.error)
  const changes =
    allowance > 0n && refuses
      ? [
          { ...approve(0n), role: 'reset' as const },
          { ...wanted, role: 'approval' as const },
        ]
      : [{ ...wanted, role: 'approval' as const }]
  // The first of them is what overwrites it.
  return changes.map((each, index) =>
    index === 0 && allowance > 0n ? { ...each, overwrites: allowance } : each,
  )
}

/** A contract that knows no allowances has given none: the simulation of the call itself will tell. */
function amountOf(outcome: RpcOutcome | undefined, client: ChainClient): bigint {
  if (outcome?.ok === false && isVerdict(outcome.error)) return 0n
  const word = asHex(resultOf(outcome, 'eth_call', client), 'an allowance', client.host)
  return word.length === 66 ? BigInt(word) : 0n
}

/** What takes an approval back: the spender may take nothing from then on. */
export function revocationOf(approved: EvmPayload, native: Asset): EvmDraft {
  const { args } = decodeFunctionData({ abi: erc20Abi, data: approved.data })
  return approval(approved, native, approved.to, args[0] as Hex, 0n)
}

function approval(
  { chain, from }: Pick<EvmDraft, 'chain' | 'from'>,
  native: Asset,
  token: Hex,
  spender: Hex,
  raw: bigint,
): EvmDraft {
  const data = encodeFunctionData({ abi: erc20Abi, functionName: 'approve', args: [spender, raw] })
  return {
    ...{ chain, from, to: token, callTo: token, value: 0n, data },
    ...{ isCall: true, signature: 'approve(address,uint256)', outflow: { asset: native, raw: 0n } },
  }
}

const allowanceData = (owner: Hex, spender: Hex) =>
  encodeFunctionData({ abi: erc20Abi, functionName: 'allowance', args: [owner, spender] })
