import type { FeeReading } from '../../chains/adapter.ts'
import type { Chain } from '../../chains/types.ts'
import { type ChainClient, isMissing, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome } from '../../rpc/transport.ts'
import { readHistory } from './feeHistory.ts'
import { readFees } from './readFees.ts'

/**
 * The fees that answers of one node tell. Where its history does not say what was tipped, or it has none, its own
 * suggestion is asked for and labelled as such.
 */
export async function feesFrom(
  chain: Chain,
  client: ChainClient,
  block: unknown,
  history: RpcOutcome | undefined,
  signal: AbortSignal,
): Promise<FeeReading> {
  if (!lacksTips(chain, history, client.host)) {
    return readFees(chain, { block, history: resultOf(history, 'eth_feeHistory', client) }, client.host)
  }
  const gasPrice = await client.call('eth_gasPrice', [], signal)
  const told = history?.ok ? { history: history.result } : {}
  return readFees(chain, { block, gasPrice, ...told }, client.host)
}

function lacksTips(chain: Chain, history: RpcOutcome | undefined, host: string): boolean {
  if (chain.feeModel === 'legacy') return true
  if (!history?.ok) return history !== undefined && isMissing(history.error)
  return readHistory(history.result, host).tips.length === 0
}
