import type { Separately } from '../../chains/adapter.ts'
import type { Chain } from '../../chains/types.ts'
import type { ChainClient } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import type { EvmDraft } from '../draft.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { readSurchargeOfAll, SOME_TERMS, surchargeRequestsOfAll } from '../fees/surcharge.ts'
import { toQuantity } from '../quantity.ts'
import { draftPayload } from '../simulation/gasLimit.ts'
import { readUnpriced, unpricedRequest } from '../simulation/simulateV1.ts'

/** As many digits as the gas limit of a usual call has: the data fee goes by the bytes of a transaction. */
const SOME_GAS = 100_000n

/**
 * What tells the price of a batch's calls as transactions of their own: run one after the other, each by the account
 * itself. Nothing is asked on Arbitrum, where a simulation does not count the gas that pays for data.
 */
export function separateRequests(
  chain: Chain,
  { calls, apart = calls ?? [] }: EvmDraft,
  before: readonly EvmPayload[],
): readonly RpcRequest[] {
  if (apart.length === 0 || chain.feeModel === 'arbitrum') return []
  const single = apart.map(({ from, callTo: to, value, data: input }) => {
    return { from, to, value: toQuantity(value), input }
  })
  const payloads = apart.map((call) => draftPayload(call, SOME_GAS))
  return [
    unpricedRequest(before, single, 'latest'),
    ...surchargeRequestsOfAll(chain, payloads, SOME_TERMS, 'latest'),
  ]
}

/** What `outcomes` say; undefined where an endpoint cannot tell, or where a call fails outside of its batch. */
export function readSeparately(
  { calls = [] }: EvmDraft,
  [simulated, ...surcharges]: readonly RpcOutcome[],
  client: ChainClient,
): Separately | undefined {
  const run = readUnpriced(simulated, client.host)?.slice(-calls.length)
  if (!run || run.length < calls.length || run.some(({ ok }) => !ok)) return undefined
  const gasUsed = run.reduce((sum, each) => sum + each.gasUsed, 0n)
  const gasLimit = SOME_GAS * BigInt(calls.length)
  const { expected } = readSurchargeOfAll(surcharges, calls.length, gasUsed, gasLimit, client)
  return { gasUsed, surcharge: expected }
}
