import type { Hex } from 'viem'
import { type Finding, finding } from '../../primitives/findings.ts'
import type { MadeCall } from '../simulation/madeCalls.ts'
import type { Tracers } from '../simulation/tracers.ts'
import type { Evidence } from './evidence.ts'
import { staleWritesIn, stepsRequest } from './staleWrites.ts'

/** What a transfer of native tokens leaves its receiver: too little to change anything. */
const STIPEND = 2_300n
/** A trace of all the steps of more than that is larger than an endpoint sends. */
const MOST_GAS = 3_000_000n

/**
 * Contracts that are called back while they work and then write over what the call back has used. Only where the call
 * graph has such a call back is every step looked at.
 */
export async function reentrancy(
  { made = [], changes, state, task }: Evidence,
  tracers: Tracers,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const entries = made.filter((call) => isCallback(call) && changes?.get(call.self)?.storage.size !== 0)
  const reentered = new Map(entries.map((call) => [call.self, call.frame.from]))
  if (reentered.size === 0) return []
  const traced = await trace({ made, task, ...(state && { state }) }, tracers, signal)
  const writes = traced && staleWritesIn(traced.results[0], task.payload.to, traced.host)
  if (writes === undefined) {
    return [...reentered].map(([contract, by]) =>
      finding('not-traced', `not looked at: what ${contract} writes after ${by} has called back into it`),
    )
  }
  const found = new Map(writes.map((write) => [write.contract, write.by]))
  return [...found].map(([contract, by]) =>
    finding(
      'reentrancy',
      `${by} calls back into ${contract} while that is at work, and ${contract} then writes over what the call back has used`,
    ),
  )
}

async function trace(
  { made = [], state, task }: Pick<Evidence, 'made' | 'state' | 'task'>,
  tracers: Tracers,
  signal: AbortSignal,
) {
  const [top] = made
  if (top === undefined || top.frame.gasUsed > MOST_GAS) return undefined
  return tracers.trace([stepsRequest(task, state)], signal)
}

/** A call by another contract into one that is at work, and that may change something. */
function isCallback(call: MadeCall): boolean {
  const { frame, undone, isStatic, self, caller } = call
  if (undone || isStatic || frame.type !== 'CALL' || caller === undefined || caller.self === self)
    return false
  if (frame.input === '0x' && frame.calls.length === 0 && frame.gasUsed <= STIPEND) return false
  return isAtWork(self, caller)
}

function isAtWork(contract: Hex, from: MadeCall): boolean {
  for (let each: MadeCall | undefined = from; each; each = each.caller)
    if (each.self === contract) return true
  return false
}
