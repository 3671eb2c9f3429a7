import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcOutcome } from '../../rpc/transport.ts'
import { asHex } from '../quantity.ts'
import type { Execution, Task } from '../simulation/execution.ts'

/**
 * Why an operation cannot run as it was made: its account was to be deployed and is there, or is called and is not. It
 * would be refused by the entry point, or worse, do nothing and pass.
 */
export function deploymentObstacle(
  { payload, before }: Task,
  reads: readonly RpcOutcome[],
  client: ChainClient,
): Execution | undefined {
  const { userOperation, from } = payload
  if (!userOperation) return undefined
  const isThere = asHex(resultOf(reads.at(-2), 'eth_getCode', client), 'code', client.host) !== '0x'
  const deploys = userOperation.factory !== undefined
  // Its own is one of them.
  const deployments = before.filter((run) => run.unpaid).length
  if (deploys ? !isThere && deployments === 1 : isThere || deployments > 0) return undefined
  const reason = deploys
    ? `the account ${from} was deployed since this was prepared; prepare it again`
    : `the account ${from} is not deployed, and this was prepared as if it were; prepare it again`
  return { ok: false, gasUsed: 0n, logs: [], revert: { reason } }
}
