import { isBursarError } from '../../../errors/bursarError.ts'
import { untrusted } from '../../../primitives/untrusted.ts'
import { checksum } from '../../address.ts'
import { decodeRevert, type Revert } from '../../calls/reverts.ts'
import type { EvmPayload } from '../../evmPayload.ts'
import {
  type CallFrame,
  type CallType,
  type Execution,
  MOVES_VALUE,
  type RawLog,
  SimulatorAway,
} from '../execution.ts'
import { requireJudgeable } from '../logs.ts'
import { MAX_FRAMES, nativeMove } from '../traced.ts'
import type { SimulationOutput, TracedCall } from './sdkTypes.ts'

/** What an answer says. */
interface Told {
  readonly blockNumber: bigint
  readonly execution: Execution & { readonly frames?: CallFrame }
}

/** An answer in our words, and the block that it is of. Throws `SimulatorAway` when it is none, or `effects_too_many`. */
export function executionAtTenderly(output: SimulationOutput, payload: EvmPayload): Told {
  try {
    return told(output, payload)
  } catch (error) {
    if (error instanceof SimulatorAway || isBursarError(error, 'effects_too_many')) throw error
    // Of another shape than its client says that it has.
    throw new SimulatorAway(UNREADABLE)
  }
}

export const UNREADABLE = 'its answer cannot be read'

function told(output: SimulationOutput, { value }: EvmPayload): Told {
  const { status, gasUsed, blockNumber } = output
  // An empty list comes as nothing, too.
  const [logs, trace] = [output.logs ?? [], output.trace ?? []]
  if (typeof status !== 'boolean' || !isCount(gasUsed) || !isCount(blockNumber))
    throw garbage('status, gas or block')
  requireJudgeable(logs.length)
  requireJudgeable(trace.length, 'calls', MAX_FRAMES)
  const tree = treeOf(trace)
  // Its numbers are JavaScript's. What leaves the account, it leaves here, and that is known exactly.
  const frames = tree && { ...tree, value: BigInt(value) }
  // How events and moves of the native token follow each other is not told: sums by asset do not hang on it.
  const moves = status && frames ? movesIn(frames) : []
  const events = status ? logs.map(({ raw }) => eventOf(raw)) : []
  const execution = {
    ok: status,
    gasUsed: BigInt(gasUsed),
    logs: [...moves, ...events],
    ...(status ? {} : { revert: revertOf(trace) }),
    ...(frames && { frames }),
  }
  return { blockNumber: BigInt(blockNumber), execution }
}

/** The calls as a tree: each says by `trace_address` which child of which child it is. */
function treeOf(trace: readonly TracedCall[]): CallFrame | undefined {
  const children = new Map<string, TracedCall[]>()
  const [root] = trace.filter((call) => (call.trace_address ?? []).length === 0)
  for (const call of trace) {
    const path = call.trace_address ?? []
    if (path.length === 0) continue
    const parent = path.slice(0, -1).join('.')
    children.set(parent, [...(children.get(parent) ?? []), call])
  }
  return root && frameOf(root, children)
}

function frameOf(call: TracedCall, children: ReadonlyMap<string, readonly TracedCall[]>): CallFrame {
  const path = call.trace_address ?? []
  const own = [...(children.get(path.join('.')) ?? [])].sort((a, b) => last(a) - last(b))
  const to = call.to ?? call.refund_address
  return {
    type: (call.type ?? 'CALL') as CallType,
    from: address(call.from),
    ...(to && { to: address(to) }),
    value: weiOf(call.value ?? call.balance),
    input: bytes(call.input),
    output: bytes(call.output),
    gasUsed: isCount(call.gas_used) ? BigInt(call.gas_used) : 0n,
    failed: Boolean(call.error ?? call.error_reason),
    calls: own.map((each) => frameOf(each, children)),
  }
}

const last = ({ trace_address: path = [] }: TracedCall) => path.at(-1) ?? 0

function movesIn({ type, from, to, value, failed, calls }: CallFrame): readonly RawLog[] {
  if (failed) return []
  const own = value > 0n && to !== undefined && MOVES_VALUE.has(type) ? [nativeMove(from, to, value)] : []
  return [...own, ...calls.flatMap(movesIn)]
}

function eventOf(raw: NonNullable<SimulationOutput['logs']>[number]['raw']): RawLog {
  if (!raw || !Array.isArray(raw.topics)) throw garbage('an event')
  return { address: address(raw.address), topics: raw.topics.map(bytes), data: bytes(raw.data) }
}

/** The contract's own words; where it gave none, those of the virtual machine. */
function revertOf(trace: readonly TracedCall[]): Revert {
  const [root] = trace
  const output = root?.output ?? '0x'
  if (output !== '0x' && /^0x([0-9a-f]{2})+$/i.test(output)) return decodeRevert(output as `0x${string}`)
  const words = root?.error_reason ?? root?.error
  return words ? { reason: 'it failed (see quoted)', quoted: untrusted(words) } : decodeRevert('0x')
}

function address(value: unknown): `0x${string}` {
  if (typeof value === 'string' && /^0x[0-9a-f]{40}$/i.test(value)) return checksum(value)
  throw garbage('an address')
}

function bytes(value: unknown): `0x${string}` {
  if (value === undefined || value === null || value === '') return '0x'
  if (typeof value === 'string' && /^0x([0-9a-f]{2})*$/i.test(value)) return value as `0x${string}`
  throw garbage('bytes')
}

/** What one contract pays another, to the 53 bits that a number holds. */
function weiOf(value: unknown): bigint {
  if (value === undefined || value === null || value === '') return 0n
  if (typeof value === 'string' && /^(0x[0-9a-f]{1,64}|\d{1,78})$/i.test(value)) return BigInt(value)
  if (typeof value === 'number' && value >= 0 && Number.isFinite(value)) return BigInt(Math.round(value))
  throw garbage('an amount')
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const garbage = (what: string) => new SimulatorAway(`its answer holds ${what} that cannot be read`)
