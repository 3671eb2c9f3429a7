import { type Hex, pad, zeroHash } from 'viem'
import { BursarError } from '../../errors/bursarError.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import { isMissing } from '../../rpc/chainClient.ts'
import type { RpcErrorBody, RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import { decodeRevert, isVerdict } from '../calls/reverts.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { asHex, asList, asObject, fromQuantity, toQuantity } from '../quantity.ts'
import type { EvmHead } from '../reads/blocks.ts'
import { runOf } from '../userOperations/runs.ts'
import { type EvmSimulator, type Execution, SimulatorAway, type Task } from './execution.ts'
import { parseLogs } from './logs.ts'

/**
 * `eth_simulateV1` of exactly this payload, after others of its account: validated like real transactions, native moves
 * traced. All carry the same fees: what the others offer is not what is asked, only what they do. `later`: after so many
 * more blocks than the next one.
 */
export function simulationRequest(
  task: Task,
  surroundings?: BlockOverrides,
  balances?: BalanceOverrides,
  later = 0,
): RpcRequest {
  const calls = [...task.before, task.payload].map((each) => transactionArguments(each, task.terms))
  // Within a user operation contracts call each other, which no transaction could.
  const validation = task.payload.userOperation === undefined && task.payload.unpaid === undefined
  const block = {
    ...(surroundings && { blockOverrides: surroundings }),
    ...(balances && { stateOverrides: balances }),
    calls,
  }
  return {
    method: 'eth_simulateV1',
    params: [
      { blockStateCalls: [...Array<object>(later).fill({}), block], traceTransfers: true, validation },
      task.at,
    ],
  }
}

/** What the made-up block says of itself, in place of what it would. */
export type BlockOverrides = Readonly<
  Partial<Record<'feeRecipient' | 'baseFeePerGas' | 'prevRandao', string>>
>

/** What accounts are taken to have, in place of what they do. */
export type BalanceOverrides = Readonly<Record<Hex, { readonly balance: Hex }>>

/** A payload as methods of nodes take transactions. */
export function transactionArguments(payload: EvmPayload, terms: Task['terms']): object {
  const { from, to, value, data, gasLimit, accessList, unpaid } = runOf(payload)
  return {
    from,
    to,
    value: toQuantity(BigInt(value)),
    input: data,
    gas: toQuantity(BigInt(gasLimit)),
    ...(!unpaid && {
      maxFeePerGas: toQuantity(BigInt(terms.maxFeePerGas)),
      maxPriorityFeePerGas: toQuantity(BigInt(terms.maxPriorityFeePerGas)),
    }),
    ...(accessList.length === 0 ? {} : { accessList }),
  }
}

/**
 * Calls after others of their account, at no price and each with as much gas as is left in a block: what they take and
 * answer, and not whether they could be paid for.
 */
export function unpricedRequest(
  before: readonly EvmPayload[],
  calls: readonly object[],
  at: Task['at'],
): RpcRequest {
  const earlier = before.map(({ from, to, value, data, gasLimit }) => {
    return { from, to, value: toQuantity(BigInt(value)), input: data, gas: toQuantity(BigInt(gasLimit)) }
  })
  return {
    method: 'eth_simulateV1',
    params: [{ blockStateCalls: [{ calls: [...earlier, ...calls] }], validation: false }, at],
  }
}

/** What each call of `unpricedRequest` came to; undefined when the endpoint could not tell. */
export function readUnpriced(
  outcome: RpcOutcome | undefined,
  host: string,
): readonly { readonly ok: boolean; readonly gasUsed: bigint; readonly returnData: Hex }[] | undefined {
  if (!outcome?.ok) return undefined
  return readSimulatedBlock(outcome.result, host).calls.map((call) => {
    const fields = asObject(call, 'a simulated call', host)
    return {
      ok: fromQuantity(fields['status'], 'status', host) === 1n,
      gasUsed: fromQuantity(fields['gasUsed'], 'gasUsed', host),
      returnData: asHex(fields['returnData'], 'return data', host),
    }
  })
}

/** The simulator of nodes that have eth_simulateV1. */
export function simulatorV1(host: string): EvmSimulator {
  return {
    name: 'local',
    ridesAlong: true,
    requests: (task) => [simulationRequest(task)],
    async read(task, head, [outcome]) {
      const simulated = parseSimulation(outcome, host, task)
      if (simulated.block && !ranOn(head, simulated.block)) return undefined
      return simulated.execution
    },
  }
}

/** Number and parent of the block that the node made up for a simulation. */
interface SimulatedBlock {
  readonly number: bigint
  readonly parentHash: string
}

/**
 * What a task's payload did, the last call of the answer; the node's refusal as an execution that failed, of no block.
 * Throws `SimulatorAway`, or `provider_garbage` where a call is missing: what comes before is not what was asked about.
 */
export function parseSimulation(
  outcome: RpcOutcome | undefined,
  host: string,
  { payload, before }: Pick<Task, 'payload' | 'before'>,
): { readonly block?: SimulatedBlock; readonly execution: Execution } {
  if (!outcome?.ok) {
    const error = outcome?.error ?? { code: 0, message: 'no answer' }
    return { execution: refusedBy(error, 'eth_simulateV1', host) }
  }
  const { block, calls } = readSimulatedBlock(outcome.result, host)
  if (calls.length !== before.length + 1) {
    const reason = `${calls.length} calls were simulated, not ${before.length + 1}`
    throw new BursarError('provider_garbage', { host, reason })
  }
  const undeployed = payload.userOperation?.factory && notDeployed(payload, calls.at(-2), host)
  if (undeployed) return { block, execution: undeployed }
  const call = asObject(calls.at(-1), 'the simulated call', host)
  const ok = fromQuantity(call['status'], 'status', host) === 1n
  const execution = {
    ok,
    gasUsed: fromQuantity(call['gasUsed'], 'gasUsed', host),
    logs: parseLogs(call['logs'] ?? [], host),
    ...(ok ? {} : { revert: decodeRevert(revertDataOf(call, host)) }),
  }
  return { block, execution }
}

/** A call of an account that is not there would pass, and do nothing. Undefined when it was deployed where it should. */
function notDeployed({ from }: EvmPayload, deployment: unknown, host: string): Execution | undefined {
  const call = asObject(deployment, 'the simulated deployment', host)
  const at = asHex(call['returnData'] ?? '0x', 'return data', host)
  const isThere = fromQuantity(call['status'], 'status', host) === 1n && at === pad(from.toLowerCase() as Hex)
  if (isThere) return undefined
  const reason = `its factory does not deploy the account at ${from}`
  return { ok: false, gasUsed: 0n, logs: [], revert: { reason } }
}

/**
 * What a node's refusal to run a payload says of it: validation failed before execution, for want of funds or intrinsic
 * gas, or a fee below the base fee. Throws `SimulatorAway` when it says something of the node instead.
 */
export function refusedBy(error: RpcErrorBody, method: string, host: string): Execution {
  if (isMissing(error)) throw new SimulatorAway(`${host} does not offer ${method}`, true)
  if (!isVerdict(error)) {
    const reason = `${host} could not simulate it (code ${error.code})`
    throw new SimulatorAway(reason, false, untrusted(error.message))
  }
  const reason = `the node refused the transaction (code ${error.code})`
  return { ok: false, gasUsed: 0n, logs: [], revert: { reason, quoted: untrusted(error.message) } }
}

/** What each call of a one-block simulation returned. Throws `provider_garbage` when one failed. */
export function readSimulatedCalls(
  result: unknown,
  host: string,
): { block: SimulatedBlock; answers: readonly Hex[] } {
  const { block, calls } = readSimulatedBlock(result, host)
  const answers = calls.map((call) =>
    asHex(asObject(call, 'a simulated call', host)['returnData'], 'return data', host),
  )
  return { block, answers }
}

/** The last block: those before it are there to be waited for. */
function readSimulatedBlock(
  result: unknown,
  host: string,
): { block: SimulatedBlock; calls: readonly unknown[] } {
  const fields = asObject(asList(result, 'the simulation', host).at(-1), 'the simulated block', host)
  const block = {
    number: fromQuantity(fields['number'], 'simulated number', host),
    parentHash: asHex(fields['parentHash'], 'simulated parent', host),
  }
  return { block, calls: asList(fields['calls'], 'calls', host) }
}

function revertDataOf(call: Record<string, unknown>, host: string): Hex {
  const error = typeof call['error'] === 'object' && call['error'] !== null ? call['error'] : {}
  const fromError = 'data' in error && typeof error.data === 'string' ? error.data : undefined
  return asHex(fromError ?? call['returnData'] ?? '0x', 'return data', host)
}

/**
 * Whether a simulation ran on this head. The specification's simulated block is the child of its base. anvil's
 * stands in for its base instead: the base's own number, and zeros for a parent.
 */
export function ranOn(head: EvmHead, simulation: SimulatedBlock): boolean {
  const child = simulation.number === head.number + 1n && simulation.parentHash === head.ref.hash
  const standIn = simulation.number === head.number && simulation.parentHash === zeroHash
  return child || standIn
}
