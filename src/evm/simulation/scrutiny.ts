import { type Hex, toHex } from 'viem'
import type { SimulationOutcome } from '../../chains/adapter.ts'
import type { Chain } from '../../chains/types.ts'
import { isBursarError } from '../../errors/bursarError.ts'
import { randomHex } from '../../primitives/ids.ts'
import type { ChainClient } from '../../rpc/chainClient.ts'
import type { RpcRequest } from '../../rpc/transport.ts'
import { checksum } from '../address.ts'
import { multicall3Of } from '../batching/multicall3.ts'
import { failedCall } from '../batching/tryCalls.ts'
import { declaredCalls } from '../calls/declaredCalls.ts'
import type { Evidence } from '../findings/evidence.ts'
import { findingsOf } from '../findings/findings.ts'
import type { EvmAssets } from '../reads/assets.ts'
import type { EvmHead } from '../reads/blocks.ts'
import { failedOperation, isBundle } from '../userOperations/bundles.ts'
import { effectsOf } from './effects.ts'
import { type Execution, SimulatorAway, type Task } from './execution.ts'
import { PLAIN_TRANSFER_GAS } from './gasLimit.ts'
import { inEarnest, madeCalls } from './madeCalls.ts'
import { commandedIn, silentMoves } from './silentMoves.ts'
import { type BlockOverrides, parseSimulation, simulationRequest } from './simulateV1.ts'
import { type Trace, traceAfter } from './traceAfter.ts'
import type { Tracers } from './tracers.ts'

/** What is looked at besides the simulation itself, begun along with it. */
export interface Judgement {
  /** The outcome of an execution: effects, and what looks dangerous in them. */
  of(execution: Execution, head: EvmHead, signal: AbortSignal): Promise<SimulationOutcome>
}

interface Closer extends Partial<Trace> {
  readonly elsewhere?: Execution
}

export interface ScrutinyParts {
  readonly chain: Chain
  readonly client: ChainClient
  readonly assets: EvmAssets
  readonly tracers: Tracers
  /** Hundredths of a per cent. */
  readonly maxSlippage: bigint
}

/**
 * Looks closer at what runs a stranger's code: who calls whom, what is changed, and whether it does the same in another
 * block (T11). It asks at the same time as the simulation, so it costs no round trip of its own.
 */
export class Scrutiny {
  readonly #chain: Chain
  readonly #client: ChainClient
  readonly #assets: EvmAssets
  readonly #tracers: Tracers
  readonly #maxSlippage: bigint

  constructor({ chain, client, assets, tracers, maxSlippage }: ScrutinyParts) {
    this.#chain = chain
    this.#maxSlippage = maxSlippage
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
      traceAfter(this.#tracers, task, signal),
      this.#runElsewhere(task, signal),
    ])
    // Another endpoint may trace, on another state: what fails there is not what passes where it is simulated.
    return { ...(traced?.frames.failed ? {} : traced), ...(elsewhere && { elsewhere }) }
  }

  async #runElsewhere(task: Task, signal: AbortSignal): Promise<Execution | undefined> {
    const requests = elsewhereOf(task)
    for (const [index, request] of requests.entries()) {
      const [outcome] = await this.#client.batch([request], signal)
      const isLast = index === requests.length - 1
      // What a contract does is in an answer: a refusal is about the blocks that were asked for.
      if (!outcome?.ok && !isLast) continue
      try {
        return parseSimulation(outcome, this.#client.host, task).execution
      } catch (error) {
        // As is an answer that lacks some of them.
        const isOfBlocks = !isLast && isBursarError(error, 'provider_garbage')
        if (!isOfBlocks && !(error instanceof SimulatorAway)) throw error
      }
    }
    return undefined
  }

  async #judge(
    { task, execution, head, runsCode, frames, changes, state, elsewhere }: Matter,
    signal: AbortSignal,
  ): Promise<SimulationOutcome> {
    const { ok, gasUsed, revert } = execution
    const multicall3 = multicall3Of(this.#chain)
    if (!ok) {
      const why = (await failedCall(task, multicall3, this.#client, signal)) ?? revert
      return { ok, gasUsed, effects: [], findings: [], ...(why && { revert: why }) }
    }
    const failed = failedOperation(task.payload, execution.logs)
    if (failed) return { ok: false, gasUsed, effects: [], findings: [], revert: failed }
    const { from, to, data } = task.payload
    const seen = frames ?? execution.frames
    const made = seen && madeCalls(seen)
    const declared = inEarnest(declaredCalls(from, to, data), made)
    const logs = [...execution.logs, ...silentMoves(from, declared, made ?? [], execution.logs)]
    const runs = [logs, ...(elsewhere ? [elsewhere.logs] : [])]
    const [effects = [], there] = await effectsOf(runs, this.#assets, signal)
    const evidence = {
      ...{ task, head, effects, logs, declared, runsCode, client: this.#client, assets: this.#assets },
      maxSlippage: this.#maxSlippage,
      ...limitsOf(execution),
      ...(made && { made }),
      ...(changes && { changes }),
      ...(state && { state }),
      ...(elsewhere && { elsewhere }),
      ...(multicall3 && { multicall3 }),
    }
    const findings = await findingsOf(evidence, this.#tracers, signal)
    const commanded = [...commandedIn(from, declared)]
    return {
      ...{ ok, gasUsed, effects, findings },
      ...(commanded.length > 0 && { commanded }),
      ...(elsewhere && there && { elsewhere: { ok: elsewhere.ok, effects: there } }),
    }
  }
}

/** What an execution does not tell, and what there is instead. */
function limitsOf({ reduced, touched }: Execution): Pick<Evidence, 'reduced' | 'touched'> {
  return { ...(reduced && { reduced }), ...(touched && { touched }) }
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
 * Nodes let twelve seconds pass between blocks that they make up, so this is the minute that a receipt is good for. It is
 * odd, so that what is done in every second block is done in one of the two.
 */
const BLOCKS_LATER = 5

/** In the order in which they are asked: not every node makes up several blocks. */
function elsewhereOf(task: Task): readonly RpcRequest[] {
  // What an operation pays to be brought goes by the base fee, which falls in empty blocks, and is no contract's choice.
  if (isBundle(task.payload)) return [simulationRequest(task, anotherMaker())]
  const another = { ...anotherMaker(), ...lowerFee(task) }
  return [BLOCKS_LATER, 0].map((later) => simulationRequest(task, another, undefined, later))
}

/**
 * A block as it might well be: made by somebody else, with other randomness, at a lower base fee. What a contract does
 * only in a simulation shows itself by doing another thing here.
 */
function anotherMaker(): BlockOverrides {
  return { feeRecipient: checksum(`0x${randomHex(20)}`), prevRandao: `0x${randomHex(32)}` }
}

function lowerFee({ terms }: Task): BlockOverrides {
  const room = BigInt(terms.maxFeePerGas) - BigInt(terms.maxPriorityFeePerGas)
  return { baseFeePerGas: toHex(room > 1n ? room / 2n : 0n) }
}
