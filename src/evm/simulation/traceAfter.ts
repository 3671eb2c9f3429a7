import type { Hex } from 'viem'
import type { CallFrame, StateChanges, Task } from './execution.ts'
import { executionOf, readChanges, type StateOverrides, traceRequests } from './traced.ts'
import type { Tracers } from './tracers.ts'

/** Each that comes before costs a round trip of its own, so few are gone through. */
const MOST_BEFORE = 3

export interface Trace {
  readonly frames: CallFrame
  readonly changes: StateChanges
  /** What the state was taken to be, for further questions about the same run. */
  readonly state: StateOverrides
}

/**
 * Who calls whom and what is changed by a payload, after those before it: what each of them changes is put over the
 * state for the next one, since nodes trace one call at a time. Undefined where no endpoint traces, or too many come
 * before.
 */
export async function traceAfter(
  tracers: Tracers,
  { before, ...task }: Task,
  signal: AbortSignal,
): Promise<Trace | undefined> {
  if (before.length > MOST_BEFORE) return undefined
  let state: StateOverrides = {}
  for (const payload of before) {
    const earlier = await trace(tracers, { ...task, payload, before: [] }, state, signal)
    if (!earlier) return undefined
    state = overridden(state, earlier.changes)
  }
  return trace(tracers, { ...task, before: [] }, state, signal)
}

async function trace(
  tracers: Tracers,
  task: Task,
  state: StateOverrides,
  signal: AbortSignal,
): Promise<Trace | undefined> {
  const traced = await tracers.trace(traceRequests(task, state), signal)
  if (!traced) return undefined
  const [calls, changes] = traced.results
  return { frames: executionOf(calls, traced.host).frames, changes: readChanges(changes, traced.host), state }
}

function overridden(state: StateOverrides, changes: StateChanges): StateOverrides {
  const next: Record<Hex, StateOverrides[Hex]> = { ...state }
  for (const [address, { storage, code }] of changes) {
    const known = state[address]
    const after = [...storage].map(([slot, change]) => [slot, change.after] as const)
    const changed = code?.after ?? known?.code
    next[address] = {
      ...(changed !== undefined && { code: changed }),
      stateDiff: { ...known?.stateDiff, ...Object.fromEntries(after) },
    }
  }
  return next
}
