import { type Hex, toHex } from 'viem'
import type { SimulationOutcome } from '../../chains/adapter.ts'
import { randomHex } from '../../primitives/ids.ts'
import type { ChainClient } from '../../rpc/chainClient.ts'
import { checksum } from '../address.ts'
import type { EvmAssets } from '../assets.ts'
import type { EvmHead } from '../blocks.ts'
import { declaredCalls } from '../declaredCalls.ts'
import { findingsOf } from '../findings/findings.ts'
import { effectsOf } from './effects.ts'
import { type CallFrame, type Execution, SimulatorAway, type StateChanges, type Task } from './execution.ts'
import { PLAIN_TRANSFER_GAS } from './gasLimit.ts'
import { inEarnest, madeCalls } from './madeCalls.ts'
import { silentMoves } from './silentMoves.ts'
import { type BlockOverrides, parseSimulation, simulationRequest } from './simulateV1.ts'
import { executionOf, readChanges, traceRequests } from './traced.ts'
import type { Tracers } from './tracers.ts'

/** What is looked at besides the simulation itself, begun along with it. */
export interface Judgement {
  /** The outcome of an execution: effects, and what looks dangerous in them. */
  of(execution: Execution, head: EvmHead, signal: AbortSignal): Promise<SimulationOutcome>
}

interface Closer {
  readonly frames?: CallFrame
  readonly changes?: StateChanges
  readonly elsewhere?: Execution
}

/**
 * Looks closer at what runs a stranger's code: who calls whom, what is changed, and whether it does the same in another
 * block (T11). It asks at the same time as the simulation, so it costs no round trip of its own.
 */
export class Scrutiny {
  readonly #client: ChainClient
  readonly #assets: EvmAssets
  readonly #tracers: Tracers

  constructor(client: ChainClient, assets: EvmAssets, tracers: Tracers) {
    this.#client = client
    this.#assets = assets
    this.#tracers = tracers
  }

  begin(task: Task, signal: AbortSignal): Judgement {
    const runsCode = !this.#isPlain(task)
    const closer: Promise<Closer> = runsCode ? this.#lookCloser(task, signal) : Promise.resolve({})
    // The simulation may end before anybody waits for it.
    closer.catch(() => undefined)
    return {
      of: async (execution, head, since) =>
        this.#judge({ task, execution, head, runsCode, ...(await closer) }, since),
    }
  }

  /** Nothing happens that is not known: no code runs, or only that of a token that the registry vouches for. */
  #isPlain({ payload }: Task): boolean {
    if (payload.data === '0x') return BigInt(payload.gasLimit) === PLAIN_TRANSFER_GAS
    return this.#assets.lists(payload.to) && payload.data.startsWith(TRANSFER) && payload.value === '0'
  }

  async #lookCloser(task: Task, signal: AbortSignal): Promise<Closer> {
    const [traced, elsewhere] = await Promise.all([
      this.#trace(task, signal),
      this.#runElsewhere(task, signal),
    ])
    return { ...traced, ...(elsewhere && { elsewhere }) }
  }

  async #trace(task: Task, signal: AbortSignal): Promise<Pick<Closer, 'frames' | 'changes'>> {
    if (task.before.length > 0) return {}
    const traced = await this.#tracers.trace(traceRequests(task), signal)
    if (!traced) return {}
    const [calls, changes] = traced.results
    return { frames: executionOf(calls, traced.host).frames, changes: readChanges(changes, traced.host) }
  }

  async #runElsewhere(task: Task, signal: AbortSignal): Promise<Execution | undefined> {
    const [outcome] = await this.#client.batch([simulationRequest(task, anotherBlock(task))], signal)
    try {
      return parseSimulation(outcome, this.#client.host).execution
    } catch (error) {
      if (error instanceof SimulatorAway) return undefined
      throw error
    }
  }

  async #judge(
    { task, execution, head, runsCode, frames, changes, elsewhere }: Matter,
    signal: AbortSignal,
  ): Promise<SimulationOutcome> {
    const { ok, gasUsed, revert } = execution
    if (!ok) return { ok, gasUsed, effects: [], findings: [], ...(revert && { revert }) }
    const { from, to, data } = task.payload
    const seen = frames ?? execution.frames
    const made = seen && madeCalls(seen)
    const declared = inEarnest(declaredCalls(from, to, data), made)
    const logs = [...execution.logs, ...silentMoves(from, declared, made ?? [], execution.logs)]
    const runs = [logs, ...(elsewhere ? [elsewhere.logs] : [])]
    const [effects = [], there] = await effectsOf(runs, this.#assets, signal)
    const evidence = {
      ...{ task, head, effects, logs, declared, runsCode, client: this.#client, assets: this.#assets },
      ...(execution.reduced && { reduced: true as const }),
      ...(made && { made }),
      ...(changes && { changes }),
      ...(elsewhere && { elsewhere }),
    }
    const findings = await findingsOf(evidence, this.#tracers, signal)
    return {
      ...{ ok, gasUsed, effects, findings },
      ...(elsewhere && there && { elsewhere: { ok: elsewhere.ok, effects: there } }),
    }
  }
}

interface Matter extends Closer {
  readonly task: Task
  readonly execution: Execution
  readonly head: EvmHead
  readonly runsCode: boolean
}

/** Selector of transfer(address,uint256). */
const TRANSFER: Hex = '0xa9059cbb'

/**
 * A block as it might well be: made by somebody else, at a lower base fee, with other randomness. What a contract does
 * only in a simulation shows itself by doing another thing here.
 */
function anotherBlock({ terms }: Task): BlockOverrides {
  const room = BigInt(terms.maxFeePerGas) - BigInt(terms.maxPriorityFeePerGas)
  return {
    feeRecipient: checksum(`0x${randomHex(20)}`),
    baseFeePerGas: toHex(room > 1n ? room / 2n : 0n),
    prevRandao: `0x${randomHex(32)}`,
  }
}
