import { type Hex, pad } from 'viem'
import { BursarError } from '../../errors/bursarError.ts'
import type { RpcRequest } from '../../rpc/transport.ts'
import { checksum } from '../address.ts'
import { decodeRevert } from '../calls/reverts.ts'
import { TRANSFER } from '../calls/standards.ts'
import { asHex, asList, asObject, fromQuantity, toQuantity } from '../quantity.ts'
import {
  type AccountChange,
  type CallFrame,
  type CallType,
  type EvmSimulator,
  type Execution,
  MOVES_VALUE,
  NATIVE_TOKEN,
  type RawLog,
  SimulatorAway,
  type StateChanges,
  type Task,
} from './execution.ts'
import { parseLog, requireJudgeable } from './logs.ts'
import { refusedBy, transactionArguments } from './simulateV1.ts'

/** Calls within calls that are looked at; more are an attempt to hide one among them. */
export const MAX_FRAMES = 5_000
/** Calls within each other that a machine makes, besides the first (Ethereum's Yellow Paper, section 9). */
const MAX_DEPTH = 1_024

/** What debug_traceCall takes the state to be, where it differs from the block's. */
export type StateOverrides = Readonly<
  Record<Hex, { readonly code?: Hex; readonly stateDiff: Readonly<Record<Hex, Hex>> }>
>

/** As the option of debug_traceCall: nodes that do not know it are not asked for it without need. */
export function overriding(state: StateOverrides = {}): { readonly stateOverrides?: StateOverrides } {
  return Object.keys(state).length === 0 ? {} : { stateOverrides: state }
}

/** debug_traceCall with the call tracer, and with the prestate tracer for what is changed. */
export function traceRequests(
  { payload, terms, at }: Task,
  state?: StateOverrides,
): readonly [RpcRequest, RpcRequest] {
  const trace = (tracer: string, tracerConfig: object): RpcRequest => {
    return {
      method: 'debug_traceCall',
      params: [transactionArguments(payload, terms), at, { tracer, tracerConfig, ...overriding(state) }],
    }
  }
  return [trace('callTracer', { withLog: true }), trace('prestateTracer', { diffMode: true })]
}

/**
 * The simulator of nodes that have debug_traceCall and not eth_simulateV1. It takes state as it is mined: what waits of
 * the account is not executed before.
 */
export function tracedSimulator(host: string): EvmSimulator {
  return {
    name: 'local:debug_traceCall',
    ridesAlong: true,
    requests: (task) => traceRequests(task),
    async read({ before }, _head, [calls, changes]) {
      if (before.length > 0)
        throw new SimulatorAway(`${host} cannot simulate it after what waits to be mined`)
      if (!calls?.ok)
        return refusedBy(calls?.error ?? { code: 0, message: 'no answer' }, 'debug_traceCall', host)
      const execution = executionOf(calls.result, host)
      return changes?.ok ? { ...execution, changes: readChanges(changes.result, host) } : execution
    },
  }
}

/** What the call tracer tells. Throws `provider_garbage`, or `effects_too_many`. */
export function executionOf(result: unknown, host: string): Execution & { readonly frames: CallFrame } {
  const logs: RawLog[] = []
  const count = { frames: 0 }
  const top = asObject(result, 'the trace', host)
  const frames = readFrame(top, { host, logs, count, depth: 0, undone: false })
  const ok = !frames.failed
  const revert = ok ? {} : { revert: decodeRevert(frames.output) }
  return { ok, gasUsed: frames.gasUsed, logs, frames, ...revert }
}

interface Reading {
  readonly host: string
  /** Logs so far, in the order in which they were made. */
  readonly logs: RawLog[]
  readonly count: { frames: number }
  readonly depth: number
  /** Something that called it failed, and took back what it did. */
  readonly undone: boolean
}

function readFrame(frame: Record<string, unknown>, reading: Reading): CallFrame {
  const { host, logs, count, depth } = reading
  if (depth > MAX_DEPTH) {
    const reason = 'the trace is deeper than calls can be'
    throw new BursarError('provider_garbage', { host, reason })
  }
  count.frames += 1
  requireJudgeable(count.frames, 'calls', MAX_FRAMES)
  const type = String(frame['type']) as CallType
  const failed = frame['error'] !== undefined
  const undone = reading.undone || failed
  const value = frame['value'] === undefined ? 0n : fromQuantity(frame['value'], 'value', host)
  const from = checksum(asHex(frame['from'], 'from', host))
  const to = frame['to'] === undefined ? undefined : checksum(asHex(frame['to'], 'to', host))
  if (!undone && value > 0n && to !== undefined && MOVES_VALUE.has(type))
    logs.push(nativeMove(from, to, value))
  const own = asList(frame['logs'] ?? [], 'logs', host).map((log) => asObject(log, 'a log', host))
  const inner = asList(frame['calls'] ?? [], 'calls', host)
  const tell = (before: number) => {
    const here = own.filter((log) => placeOf(log, inner.length) === before)
    if (!undone) logs.push(...here.map((log) => parseLog(log, host)))
    requireJudgeable(logs.length)
  }
  const calls = inner.map((call, index) => {
    tell(index)
    return readFrame(asObject(call, 'a call', host), { ...reading, depth: depth + 1, undone })
  })
  tell(inner.length)
  const gasUsed = fromQuantity(frame['gasUsed'] ?? '0x0', 'gasUsed', host)
  const input = asHex(frame['input'] ?? '0x', 'input', host)
  const output = typeof frame['output'] === 'string' ? asHex(frame['output'], 'output', host) : '0x'
  return { type, from, ...(to && { to }), value, input, output, gasUsed, failed, calls }
}

/** How many of so many calls had been made when it was logged; nothing that was logged is left out for its place. */
function placeOf({ position }: Record<string, unknown>, calls: number): number {
  const place = Number(position ?? 0)
  return Number.isInteger(place) && place >= 0 && place < calls ? place : calls
}

export function nativeMove(from: Hex, to: Hex, wei: bigint): RawLog {
  return {
    address: NATIVE_TOKEN,
    topics: [TRANSFER, pad(from, { size: 32 }), pad(to, { size: 32 })],
    data: pad(toQuantity(wei), { size: 32 }),
  }
}

/** What the prestate tracer tells in its mode of differences: what is missing afterwards is zero, or was before. */
export function readChanges(result: unknown, host: string): StateChanges {
  const diff = asObject(result, 'the state changes', host)
  const before = accountsOf(diff['pre'], host)
  const after = accountsOf(diff['post'], host)
  const changes = new Map<Hex, AccountChange>()
  for (const address of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(address), after.get(address)]
    const slots = new Set([...(was?.storage.keys() ?? []), ...(is?.storage.keys() ?? [])])
    const storage = new Map(
      [...slots].map((slot) => {
        const change = { before: was?.storage.get(slot) ?? ZERO, after: is?.storage.get(slot) ?? ZERO }
        return [slot, change] as const
      }),
    )
    // The code of an account is told afterwards only when it is another one.
    const code = is?.code === undefined ? {} : { code: { before: was?.code ?? '0x', after: is.code } }
    changes.set(address, { storage, ...code } as AccountChange)
  }
  return changes
}

const ZERO: Hex = `0x${'0'.repeat(64)}`

interface Account {
  readonly storage: ReadonlyMap<Hex, Hex>
  readonly code?: Hex
}

function accountsOf(value: unknown, host: string): ReadonlyMap<Hex, Account> {
  return new Map(
    Object.entries(asObject(value, 'the accounts', host)).map(([address, told]) => {
      const account = asObject(told, 'an account', host)
      const slots = Object.entries(asObject(account['storage'] ?? {}, 'the storage', host))
      const storage = new Map(slots.map(([slot, word]) => [wordOf(slot, host), wordOf(word, host)] as const))
      const code = account['code'] === undefined ? {} : { code: asHex(account['code'], 'code', host) }
      return [checksum(asHex(address, 'an address', host)), { storage, ...code }] as const
    }),
  )
}

const wordOf = (value: unknown, host: string) => pad(asHex(value, 'a word', host), { size: 32 })
