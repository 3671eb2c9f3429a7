import type { Hex } from 'viem'
import {
  type Earlier,
  type FeeTerms,
  type GasLimitBasis,
  NO_SURCHARGE,
  type Planned,
  type PriceLimit,
} from '../../chains/adapter.ts'
import { withinLimit } from '../../chains/feeTerms.ts'
import type { GasUses } from '../../chains/gasUses.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import type { ChainClient } from '../../rpc/chainClient.ts'
import type { RpcErrorBody, RpcOutcome } from '../../rpc/transport.ts'
import { multicall3Of } from '../batching/multicall3.ts'
import { readSeparately, separateRequests } from '../batching/separately.ts'
import { failedCall } from '../batching/tryCalls.ts'
import { decodeRevert, isVerdict, type Revert } from '../calls/reverts.ts'
import { callKind } from '../codec.ts'
import type { EvmDraft } from '../draft.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { FEE_HISTORY } from '../fees/feeHistory.ts'
import { fromQuantity, toQuantity } from '../quantity.ts'
import type { EvmHead } from '../reads/blocks.ts'
import { payloadsOf, unminedOf } from './earlier.ts'
import { type EvmSimulator, type Execution, SimulatorAway, type Task } from './execution.ts'
import { draftPayload, estimateRequest, mostOf, PLAIN_TRANSFER_GAS, requireRoom } from './gasLimit.ts'
import {
  type ChosenLimit,
  type Lessons,
  lessonsOf,
  limitOf,
  limitWithoutEstimate,
  NO_LESSONS,
} from './learnedGas.ts'
import type { EvmRehearsals, RehearsalParts } from './rehearsals.ts'
import type { Judgement, Scrutiny } from './scrutiny.ts'
import { parseSimulation, simulationRequest } from './simulateV1.ts'
import type { Simulators } from './simulators.ts'
import { distinctTokens, type Snapshot, snapshotRequests } from './snapshot.ts'
import { codeRequests, requireContracts } from './targets.ts'
import { fitsUsual, UsualGas } from './usualGas.ts'

/** Makes payloads of drafts: finds how much gas they take, and rehearses what was made. */
export class EvmPlans {
  readonly #chain: Chain
  readonly #client: ChainClient
  readonly #simulators: Simulators
  readonly #scrutiny: Scrutiny
  readonly #rehearsals: EvmRehearsals
  readonly #gasUses: GasUses
  readonly #usualGas = new UsualGas()

  constructor(
    { chain, client, simulators, scrutiny }: RehearsalParts,
    rehearsals: EvmRehearsals,
    gasUses: GasUses,
  ) {
    this.#chain = chain
    this.#client = client
    this.#simulators = simulators
    this.#scrutiny = scrutiny
    this.#rehearsals = rehearsals
    this.#gasUses = gasUses
  }

  /**
   * Finds the gas limit of a draft and rehearses the finished payload: in one round trip for plain transfers and for
   * calls of a kind that was planned before, else in two.
   */
  async plan(
    draft: EvmDraft,
    limit: PriceLimit,
    earlier: readonly Earlier[],
    signal: AbortSignal,
  ): Promise<Planned> {
    const tokens = distinctTokens([draft.outflow.asset])
    const reads = snapshotRequests(draft, tokens)
    // The journal answers while the chain does; it is waited for first only where nothing else says what to try.
    const learning = limit.learnsGas === false ? Promise.resolve(NO_LESSONS) : this.#lessons(draft)
    const usual = this.#usualGas.of(draft) ?? (await learning).last
    const bet = this.#bet(draft, usual, limit, earlier, signal)
    const code = codeRequests(draft)
    const apart = separateRequests(this.#chain, draft, payloadsOf(earlier))
    const asked = bet?.simulator.requests(bet.task) ?? []
    const together = [...reads, ...asked, ...(bet ? this.#rehearsals.surchargeRequests(bet.task) : [])]
    const requests = [...together, FEE_HISTORY, estimateRequest(draft), ...code, ...apart]
    const [outcomes, lessons] = await Promise.all([this.#client.batch(requests, signal), learning])
    const [fees, estimate, ...rest] = outcomes.slice(together.length)
    requireContracts(this.#chain, draft, rest.slice(0, code.length), this.#client)
    const separately = readSeparately(draft, rest.slice(code.length), this.#client)
    const measured = separately ? { separately } : {}
    const snapshot = await this.#rehearsals.snapshot(outcomes, fees, tokens, signal)
    const terms = withinLimit(snapshot.fees, limit)
    const estimated = estimate?.ok
      ? fromQuantity(estimate.result, 'gas estimate', this.#client.host)
      : undefined
    const fitting = bet && basisOf(bet.task.payload, estimated, lessons, snapshot.head)
    if (bet && fitting) {
      const answers = outcomes.slice(reads.length, reads.length + asked.length)
      const execution = await won(bet, snapshot.head, answers, signal)
      if (execution) {
        const tried = {
          task: bet.task,
          snapshot,
          execution,
          surcharges: outcomes.slice(reads.length + asked.length, together.length),
          simulator: { name: bet.simulator.name, skipped: bet.skipped },
        }
        const rehearsal = await this.#rehearsals.judged(tried, bet.judgement, tokens, signal)
        return { payload: bet.task.payload, terms, gasLimitBasis: fitting, rehearsal, ...measured }
      }
    }
    const gas = estimated ?? (await this.#gasAfter(earlier, draft, terms, snapshot, signal))
    if (gas !== undefined) requireRoom(gas, snapshot.head, draft.chain)
    const chosen =
      gas === undefined ? unestimated(estimate, lessons, snapshot.head) : limitOf(gas, lessons, snapshot.head)
    if (!chosen) return this.#refused(draft, terms, snapshot, estimate, earlier, signal)
    const payload = draftPayload(draft, chosen.gasLimit)
    this.#usualGas.note(draft, chosen.gasLimit)
    const rehearsal = await this.#rehearsals.rehearse(payload, terms, tokens, earlier, signal)
    return { payload, terms, gasLimitBasis: chosen.basis, rehearsal, ...measured }
  }

  /** What calls like it used. What calls no function is like nothing else, and no batch is like another. */
  async #lessons({ chain, callTo, data, calls }: EvmDraft): Promise<Lessons> {
    const kind = calls ? undefined : callKind(callTo, data)
    return kind ? lessonsOf(await this.#gasUses(chain, kind)) : NO_LESSONS
  }

  /**
   * The payload that a draft will probably become, to be simulated along with the reads that would tell; undefined when
   * there is nothing to go by, or when calls wait that it may depend on.
   */
  #bet(
    draft: EvmDraft,
    usual: bigint | undefined,
    { urgency }: PriceLimit,
    earlier: readonly Earlier[],
    signal: AbortSignal,
  ): Bet | undefined {
    const terms = this.#rehearsals.lastFees?.tiers[urgency]
    const { simulator, skipped } = this.#simulators.first
    const payload = this.#likely(draft, usual, earlier)
    if (!terms || !simulator?.ridesAlong || !payload) return undefined
    const task: Task = { payload, terms, at: 'latest', before: [] }
    return { task, simulator, skipped, judgement: this.#scrutiny.begin(task, signal) }
  }

  #likely(draft: EvmDraft, usual: bigint | undefined, earlier: readonly Earlier[]): EvmPayload | undefined {
    // On Arbitrum the gas of a transfer pays for its data as well.
    const isKnown = draft.data === '0x' && this.#chain.feeModel !== 'arbitrum'
    if (isKnown) return draftPayload(draft, PLAIN_TRANSFER_GAS)
    return usual === undefined || payloadsOf(earlier).length > 0 ? undefined : draftPayload(draft, usual)
  }

  /**
   * How much gas a call takes that only works after what waits, such as a swap after its approval: a node estimates
   * on mined state alone. Undefined when it does not work then either.
   */
  async #gasAfter(
    earlier: readonly Earlier[],
    draft: EvmDraft,
    terms: FeeTerms,
    { head, minedCount, nativeBalance }: Snapshot,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    const before = payloadsOf(unminedOf(earlier, minedCount))
    if (before.length === 0) return undefined
    const most = mostOf(head)
    const payload = draftPayload(draft, most)
    // So much gas for each need not be affordable to find out how much it takes; funds are looked at afterwards.
    const lent = most * BigInt(terms.maxFeePerGas) * BigInt(before.length + 1)
    const funds = { [draft.from]: { balance: toQuantity(nativeBalance + lent) } }
    const task: Task = { payload, terms, at: 'latest', before }
    const request = simulationRequest(task, undefined, funds)
    const [outcome] = await this.#client.batch([request], signal)
    if (!outcome?.ok) return undefined
    const { ok, gasUsed } = parseSimulation(outcome, this.#client.host, task).execution
    // A sixty-fourth stays behind at each call deep; what is refunded at the end is needed before it (EIP-150, EIP-3529).
    return ok ? (gasUsed * 5n) / 4n : undefined
  }

  async #refused(
    draft: EvmDraft,
    terms: FeeTerms,
    snapshot: Snapshot,
    estimate: RpcOutcome | undefined,
    earlier: readonly Earlier[],
    signal: AbortSignal,
  ): Promise<Planned> {
    const error = estimate?.ok === false ? estimate.error : { code: 0, message: 'no answer' }
    if (!isVerdict(error)) {
      const { chain, host } = this.#client
      const reason = `${host} could not estimate gas (code ${error.code})`
      const quoted = untrusted(error.message)
      throw new BursarError('simulation_unavailable', { reason }, { chain, quoted })
    }
    const payload = draftPayload(draft, PLAIN_TRANSFER_GAS)
    const before = payloadsOf(unminedOf(earlier, snapshot.minedCount))
    const task: Task = { payload, terms, at: 'latest', before }
    const revert =
      (await failedCall(task, multicall3Of(this.#chain), this.#client, signal)) ?? revertOf(error)
    const outcome = { ok: false, gasUsed: 0n, effects: [], findings: [], revert }
    const { head, ...readings } = snapshot
    const simulator = { name: 'local:eth_estimateGas', skipped: [] }
    const rehearsal = { ...readings, block: head.ref, simulator, outcome, surcharge: NO_SURCHARGE }
    const gasLimitBasis = { source: 'estimate', confidence: 'low' } as const
    return { payload, terms, gasLimitBasis, rehearsal }
  }
}

/** A payload that is simulated before it is known whether it will be that one. */
interface Bet {
  readonly task: Task
  readonly simulator: EvmSimulator
  readonly skipped: readonly string[]
  readonly judgement: Judgement
}

/** What a bet found if it passed; undefined when it has to be done properly. */
async function won(
  { task, simulator }: Bet,
  head: EvmHead,
  answers: readonly RpcOutcome[],
  signal: AbortSignal,
): Promise<Execution | undefined> {
  try {
    const execution = await simulator.read(task, head, answers, signal)
    return execution?.ok ? execution : undefined
  } catch (error) {
    if (error instanceof SimulatorAway) return undefined
    throw error
  }
}

/** What the limit of a bet stands on; undefined when it is not the one that the payload must have. */
function basisOf(
  { gasLimit }: EvmPayload,
  estimated: bigint | undefined,
  lessons: Lessons,
  head: EvmHead,
): GasLimitBasis | undefined {
  const limit = BigInt(gasLimit)
  // What passes with the least gas that there is needs no estimate.
  if (limit === PLAIN_TRANSFER_GAS) return limitOf(limit, NO_LESSONS, head).basis
  if (estimated === undefined) return undefined
  const chosen = limitOf(estimated, lessons, head)
  return fitsUsual(limit, chosen.gasLimit) ? chosen.basis : undefined
}

/** Where the node could not estimate, which is not to say that the payload fails. */
function unestimated(
  estimate: RpcOutcome | undefined,
  lessons: Lessons,
  head: EvmHead,
): ChosenLimit | undefined {
  const isRefused = estimate?.ok === false && isVerdict(estimate.error)
  return isRefused ? undefined : limitWithoutEstimate(lessons, head)
}

/** What the chain said when it was asked how much gas a draft takes. */
function revertOf({ code, message, data }: RpcErrorBody): Revert {
  if (typeof data === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(data)) return decodeRevert(data as Hex)
  if (code === 3) return decodeRevert('0x')
  return { reason: `the node refused the transaction (code ${code})`, quoted: untrusted(message) }
}
