import type { Hex } from 'viem'
import {
  type Earlier,
  type FeeTerms,
  NO_SURCHARGE,
  type Planned,
  type PriceLimit,
} from '../../chains/adapter.ts'
import { withinLimit } from '../../chains/feeTerms.ts'
import type { Chain } from '../../chains/types.ts'
import { BursarError } from '../../errors/bursarError.ts'
import { untrusted } from '../../primitives/untrusted.ts'
import { type ChainClient, resultOf } from '../../rpc/chainClient.ts'
import type { RpcErrorBody, RpcOutcome } from '../../rpc/transport.ts'
import type { EvmHead } from '../blocks.ts'
import type { EvmDraft } from '../draft.ts'
import type { EvmPayload } from '../evmPayload.ts'
import { FEE_HISTORY } from '../fees/feeHistory.ts'
import { fromQuantity } from '../quantity.ts'
import { decodeRevert, isVerdict, type Revert } from '../reverts.ts'
import { payloadsOf, unminedOf } from './earlier.ts'
import { type EvmSimulator, type Execution, SimulatorAway, type Task } from './execution.ts'
import {
  draftPayload,
  estimateRequest,
  gasLimitFor,
  mostOf,
  PLAIN_TRANSFER_GAS,
  requireRoom,
} from './gasLimit.ts'
import type { EvmRehearsals, RehearsalParts } from './rehearsals.ts'
import type { Judgement, Scrutiny } from './scrutiny.ts'
import { parseSimulation, simulationRequest } from './simulateV1.ts'
import type { Simulators } from './simulators.ts'
import { distinctTokens, type Snapshot, snapshotRequests } from './snapshot.ts'
import { fitsUsual, UsualGas } from './usualGas.ts'

/** Makes payloads of drafts: finds how much gas they take, and rehearses what was made. */
export class EvmPlans {
  readonly #chain: Chain
  readonly #client: ChainClient
  readonly #simulators: Simulators
  readonly #scrutiny: Scrutiny
  readonly #rehearsals: EvmRehearsals
  readonly #usualGas = new UsualGas()

  constructor({ chain, client, simulators, scrutiny }: RehearsalParts, rehearsals: EvmRehearsals) {
    this.#chain = chain
    this.#client = client
    this.#simulators = simulators
    this.#scrutiny = scrutiny
    this.#rehearsals = rehearsals
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
    const reads = snapshotRequests(draft.from, tokens)
    const bet = this.#bet(draft, limit, earlier, signal)
    const code = draft.isCall ? [{ method: 'eth_getCode', params: [draft.callTo, 'latest'] }] : []
    const asked = bet?.simulator.requests(bet.task) ?? []
    const together = [...reads, ...asked, ...(bet ? this.#rehearsals.surchargeRequests(bet.task) : [])]
    const requests = [...together, FEE_HISTORY, estimateRequest(draft), ...code]
    const outcomes = await this.#client.batch(requests, signal)
    const [fees, estimate] = outcomes.slice(together.length)
    if (code.length > 0) requireContract(draft, resultOf(outcomes.at(-1), 'eth_getCode', this.#client))
    const snapshot = await this.#rehearsals.snapshot(outcomes, fees, tokens, signal)
    const terms = withinLimit(snapshot.fees, limit)
    const estimated = estimate?.ok
      ? fromQuantity(estimate.result, 'gas estimate', this.#client.host)
      : undefined
    if (bet && isEnough(bet.task.payload, estimated, snapshot.head)) {
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
        return { payload: bet.task.payload, terms, rehearsal }
      }
    }
    const gas = estimated ?? (await this.#gasAfter(earlier, draft, terms, snapshot, signal))
    if (gas === undefined) return this.#refused(draft, terms, snapshot, estimate)
    requireRoom(gas, snapshot.head, draft.chain)
    const payload = draftPayload(draft, gasLimitFor(gas, snapshot.head))
    this.#usualGas.note(draft, BigInt(payload.gasLimit))
    const rehearsal = await this.#rehearsals.rehearse(payload, terms, tokens, earlier, signal)
    return { payload, terms, rehearsal }
  }

  /**
   * The payload that a draft will probably become, to be simulated along with the reads that would tell; undefined when
   * there is nothing to go by, or when calls wait that it may depend on.
   */
  #bet(
    draft: EvmDraft,
    { urgency }: PriceLimit,
    earlier: readonly Earlier[],
    signal: AbortSignal,
  ): Bet | undefined {
    const terms = this.#rehearsals.lastFees?.tiers[urgency]
    const { simulator, skipped } = this.#simulators.first
    const payload = this.#likely(draft, earlier)
    if (!terms || !simulator?.ridesAlong || !payload) return undefined
    const task: Task = { payload, terms, at: 'latest', before: [] }
    return { task, simulator, skipped, judgement: this.#scrutiny.begin(task, signal) }
  }

  #likely(draft: EvmDraft, earlier: readonly Earlier[]): EvmPayload | undefined {
    // On Arbitrum the gas of a transfer pays for its data as well.
    const isKnown = draft.data === '0x' && this.#chain.feeModel !== 'arbitrum'
    if (isKnown) return draftPayload(draft, PLAIN_TRANSFER_GAS)
    const usual = this.#usualGas.of(draft)
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
    { head, minedCount }: Snapshot,
    signal: AbortSignal,
  ): Promise<bigint | undefined> {
    const before = payloadsOf(unminedOf(earlier, minedCount))
    if (before.length === 0) return undefined
    const payload = draftPayload(draft, mostOf(head))
    const request = simulationRequest({ payload, terms, at: 'latest', before })
    const [outcome] = await this.#client.batch([request], signal)
    if (!outcome?.ok) return undefined
    const { ok, gasUsed } = parseSimulation(outcome, this.#client.host).execution
    // A sixty-fourth stays behind at each call deep; what is refunded at the end is needed before it (EIP-150, EIP-3529).
    return ok ? (gasUsed * 5n) / 4n : undefined
  }

  #refused(draft: EvmDraft, terms: FeeTerms, snapshot: Snapshot, estimate: RpcOutcome | undefined): Planned {
    const error = estimate?.ok === false ? estimate.error : { code: 0, message: 'no answer' }
    if (!isVerdict(error)) {
      const reason = `${this.#client.host} could not estimate gas (code ${error.code}: ${untrusted(error.message).untrusted})`
      throw new BursarError('simulation_unavailable', { reason }, { chain: this.#client.chain })
    }
    const outcome = { ok: false, gasUsed: 0n, effects: [], findings: [], revert: revertOf(error) }
    const { head, ...readings } = snapshot
    const simulator = { name: 'local:eth_estimateGas', skipped: [] }
    const rehearsal = { ...readings, block: head.ref, simulator, outcome, surcharge: NO_SURCHARGE }
    return { payload: draftPayload(draft, PLAIN_TRANSFER_GAS), terms, rehearsal }
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

/** A plain transfer that passes with the least gas that there is needs no estimate. */
function isEnough({ gasLimit }: EvmPayload, estimated: bigint | undefined, head: EvmHead): boolean {
  if (BigInt(gasLimit) === PLAIN_TRANSFER_GAS) return true
  return estimated !== undefined && fitsUsual(BigInt(gasLimit), gasLimitFor(estimated, head))
}

/** What the chain said when it was asked how much gas a draft takes. */
function revertOf({ code, message, data }: RpcErrorBody): Revert {
  if (typeof data === 'string' && /^0x([0-9a-fA-F]{2})*$/.test(data)) return decodeRevert(data as Hex)
  if (code === 3) return decodeRevert('0x')
  return { reason: `the node refused the transaction (code ${code})`, quoted: untrusted(message) }
}

/** Below this, chains have contracts without code: the precompiles. */
const FIRST_ORDINARY_ADDRESS = 0x10000n

/** Throws `call_invalid` for a call to an account without code, which would succeed and do nothing. */
function requireContract(draft: EvmDraft, code: unknown): void {
  if (code !== '0x' || BigInt(draft.callTo) < FIRST_ORDINARY_ADDRESS) return
  const reason = `there is no contract at ${draft.callTo} on this chain`
  throw new BursarError('call_invalid', { reason }, { chain: draft.chain })
}
