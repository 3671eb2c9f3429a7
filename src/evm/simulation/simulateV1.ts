import { decodeEventLog, type Hex, zeroHash } from 'viem'
import type { Effect, FeeTerms, SimulationOutcome } from '../../chains/adapter.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import { isMissing } from '../../rpc/chainClient.ts'
import type { RpcOutcome, RpcRequest } from '../../rpc/transport.ts'
import { erc20Abi } from '../abi.ts'
import { checksum } from '../address.ts'
import type { EvmAssets } from '../assets.ts'
import type { EvmHead } from '../blocks.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { asHex, asList, asObject, fromQuantity, toQuantity } from '../quantity.ts'
import { decodeRevert, isVerdict } from '../reverts.ts'
import type { BlockTag } from './snapshot.ts'

/** Where eth_simulateV1 reports moves of the native token, as Transfer events (traceTransfers). */
const NATIVE_TOKEN = checksum('0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee')
/** More than any payment makes, and few enough to be judged one by one. */
const MAX_EVENTS = 2_000
const MAX_TOKENS = 100

/**
 * `eth_simulateV1` of exactly this payload, after others of its account: validated like real transactions, native moves
 * traced. All carry the same fees: what the others offer is not what is asked, only what they do.
 */
export function simulationRequest(
  payload: EvmPayload,
  terms: FeeTerms,
  at: BlockTag = 'latest',
  earlier: readonly EvmPayload[] = [],
): RpcRequest {
  const calls = [...earlier, payload].map((each) => simulatedCall(each, terms))
  const options = { blockStateCalls: [{ calls }], traceTransfers: true, validation: true }
  return { method: 'eth_simulateV1', params: [options, at] }
}

function simulatedCall(payload: EvmPayload, terms: FeeTerms): object {
  return {
    from: payload.from,
    to: payload.to,
    value: toQuantity(BigInt(payload.value)),
    input: payload.data,
    gas: toQuantity(BigInt(payload.gasLimit)),
    maxFeePerGas: toQuantity(BigInt(terms.maxFeePerGas)),
    maxPriorityFeePerGas: toQuantity(BigInt(terms.maxPriorityFeePerGas)),
    ...(payload.accessList.length === 0 ? {} : { accessList: payload.accessList }),
  }
}

/** Number and parent of the block that the node made up for a simulation. */
interface SimulatedBlock {
  readonly number: bigint
  readonly parentHash: string
}

export interface ParsedSimulation extends SimulatedBlock {
  readonly ok: boolean
  readonly gasUsed: bigint
  readonly revertData: Hex
  readonly logs: readonly RawLog[]
}

interface RawLog {
  readonly address: Hex
  readonly topics: readonly Hex[]
  readonly data: Hex
}

/** The last call of an answer; the node's refusal as an outcome; `simulation_unavailable` thrown. */
export function parseSimulation(
  outcome: RpcOutcome | undefined,
  host: string,
): ParsedSimulation | SimulationOutcome {
  if (!outcome?.ok) {
    const error = outcome?.error ?? { code: 0, message: 'no answer' }
    if (isMissing(error)) {
      throw new BursarError('simulation_unavailable', { reason: `${host} does not offer eth_simulateV1` })
    }
    if (!isVerdict(error)) {
      const reason = `${host} could not simulate it (code ${error.code}: ${untrusted(error.message).untrusted})`
      throw new BursarError('simulation_unavailable', { reason })
    }
    // Validation failed before execution: funds, intrinsic gas, fee below base fee.
    const reason = `the node refused the transaction (code ${error.code})`
    return { ok: false, gasUsed: 0n, effects: [], revert: { reason, quoted: untrusted(error.message) } }
  }
  const { block, calls } = readSimulatedBlock(outcome.result, host)
  const call = asObject(calls.at(-1), 'the simulated call', host)
  const logs = asList(call['logs'] ?? [], 'logs', host)
  requireJudgeable(logs.length, 'events', MAX_EVENTS)
  return {
    ...block,
    ok: fromQuantity(call['status'], 'status', host) === 1n,
    gasUsed: fromQuantity(call['gasUsed'], 'gasUsed', host),
    revertData: revertDataOf(call, host),
    logs: logs.map((log) => parseLog(log, host)),
  }
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

function readSimulatedBlock(
  result: unknown,
  host: string,
): { block: SimulatedBlock; calls: readonly unknown[] } {
  const fields = asObject(asList(result, 'the simulation', host)[0], 'the simulated block', host)
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

/** Effects and, when it failed, the decoded reason. Tokens seen for the first time are looked up. */
export async function outcomeOf(
  simulation: ParsedSimulation,
  assets: EvmAssets,
  signal: AbortSignal,
): Promise<SimulationOutcome> {
  const { ok, gasUsed } = simulation
  if (!ok) return { ok, gasUsed, effects: [], revert: decodeRevert(simulation.revertData) }
  const events = simulation.logs.flatMap((log) => {
    const event = decodeTokenEvent(log)
    return event ? [{ ...event, token: log.address }] : []
  })
  const tokens = [...new Set(events.map(({ token }) => token))].filter((token) => token !== NATIVE_TOKEN)
  requireJudgeable(tokens.length, 'different tokens', MAX_TOKENS)
  const known = await assets.tokens(tokens, signal)
  const effects = events.map(({ token, ...event }): Effect => {
    // What moves is judged and shown even when its contract does not say what it is.
    const asset = token === NATIVE_TOKEN ? assets.native : (known.get(token) ?? assets.unreadable(token))
    return { ...event, asset }
  })
  return { ok, gasUsed, effects }
}

/** Throws `effects_too_many`: half of what a transaction does is not judged, and a stranger decides how much it is. */
function requireJudgeable(found: number, what: string, limit: number): void {
  if (found > limit) {
    throw new BursarError('effects_too_many', { found: `${found} ${what}`, limit: String(limit) })
  }
}

function decodeTokenEvent(log: RawLog): Omit<Effect, 'asset'> | undefined {
  const [signature, ...indexed] = log.topics
  // ERC-721 uses the same signatures with one more indexed parameter; it carries no amount.
  if (signature === undefined || indexed.length !== 2) return undefined
  try {
    const { eventName, args } = decodeEventLog({
      abi: erc20Abi,
      topics: [signature, ...indexed],
      data: log.data,
    })
    return eventName === 'Transfer'
      ? { kind: 'transfer', from: args.from, to: args.to, raw: args.amount }
      : { kind: 'approval', from: args.owner, to: args.spender, raw: args.amount }
  } catch {
    return undefined
  }
}

function parseLog(value: unknown, host: string): RawLog {
  const log = asObject(value, 'a log', host)
  return {
    address: checksum(asHex(log['address'], 'log address', host)),
    topics: asList(log['topics'], 'log topics', host).map((topic) => asHex(topic, 'log topic', host)),
    data: asHex(log['data'], 'log data', host),
  }
}
